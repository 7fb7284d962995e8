"""Rule loss-not-falling, and the question whether there is something to learn."""

from __future__ import annotations

import numpy as np
import pytest

from gradgauge.diagnosis.facts import Data, Head, Loss
from gradgauge.diagnosis.learning import Learning, judge
from gradgauge.diagnosis.left_out import agreement, of_rows, row_keys, rows_left_out
from gradgauge.diagnosis.limits import limits_with
from gradgauge.diagnosis.reference import Reference
from gradgauge.diagnosis.session import conclude
from gradgauge.diagnosis.trial import Change, Trial
from tests.diagnosis.made import (
    FLAT,
    evidence,
    flat_outputs,
    found,
    good_outputs,
    head,
    history,
    inputs,
    labels,
    silent,
)


def test_something_to_learn_and_nothing_learned():
    (finding,) = found("loss-not-falling", evidence(failing=True))
    assert (finding.severity, finding.case, finding.symptom) == ("fault", "reference", True)


def test_a_loss_that_fell_some_way_is_warned_of_only():
    y, part = labels(), head().before.copy()
    part[:80] = good_outputs(y)[:80]
    given = evidence(heads=(head(after=part),), history=history(FLAT))
    (finding,) = found("loss-not-falling", given)
    assert given.failing
    assert finding.severity == "warning"


def test_what_has_converged_has_a_flat_loss_and_is_healthy():
    y = labels()
    done = head(before=good_outputs(y), after=good_outputs(y))
    given = evidence(heads=(done,), history=history(np.full(40, 0.06)))
    assert given.learning.verdict == "learned"
    assert conclude(given).healthy


def test_what_was_learned_and_is_lost_again_fails():
    given = evidence(
        heads=(head(before=good_outputs(labels()), after=head().before),), history=history(FLAT)
    )
    assert given.failing


def test_a_training_on_its_way_is_not_failing():
    falling = np.linspace(1.45, 1.15, 40)
    given = evidence(failing=True, history=history(falling))
    assert given.learning.verdict in ("learning", "learned")
    assert found("loss-not-falling", given) == []


def test_what_ends_worse_than_a_constant_answer_is_not_on_its_way():
    """A loss that falls steadily from far above and is still far above."""

    def falls(start: float, end: float) -> Learning:
        losses, probes = np.linspace(start, end, 40), np.linspace(start, end, 8)
        h = head(after=flat_outputs() * 0 + np.eye(4)[(labels() + 1) % 4] * 0.97 + 0.0075)
        limits, epoch = limits_with()["learning"], 7
        return judge((h,), history(losses), probes, Reference(0.9), limits, epoch)

    assert falls(16, 7).verdict == "failing"
    assert falls(3, 1.3).verdict == "learning"


def test_a_few_steps_are_too_few_to_tell():
    assert (
        silent("loss-not-falling", evidence(failing=True, history=history(FLAT[:4])))
        == "too_few_steps"
    )


VANISHING = {"delta_norm": [1e-9, 1e-7, 1e-5, 1e-3, 1e-2]}


@pytest.mark.parametrize("steps", [8, 10, 19])
def test_a_short_training_is_not_blamed_for_learning_nothing(steps: int):
    """Whichever rule's fault rests on it: at a low rate, with small gradients, with raw inputs."""
    given = evidence(
        failing=True,
        gauges=VANISHING,
        update=1e-12,
        history=history(FLAT[:steps], sharpness={0: 1e-5, 1: 1e-5}),
        data=Data((inputs() * 100,), 200, 32),
    )
    assert given.learning.verdict == "unknown"
    assert conclude(given).healthy
    assert silent("learning-rate-too-low", given) == "too_few_steps"


def test_data_that_have_not_been_seen_once_are_not_yet_to_be_learned():
    seen_in_part = Data((inputs(),), 32 * 60, 32)
    assert evidence(failing=True, data=seen_in_part).learning.verdict == "unknown"
    many = history(np.resize(FLAT, 120))
    endless = Data((inputs(),), 32 * 10_000, 32)
    assert evidence(failing=True, data=endless, history=many).failing


def test_a_short_training_can_run_away():
    given = evidence(failing=True, history=history(np.linspace(1.4, 50, 10)))
    assert given.failing


def test_without_a_training_it_does_not_apply():
    assert silent("loss-not-falling", evidence(history=None)) == "no_training"


def test_a_loss_that_the_outputs_deny():
    """The last steps are of one class only, or the loss is of something else than the outputs."""
    plain = head(after=head().before)
    gauges = {"loss": [[1.4, 1.3, 1.4]]}
    given = evidence(heads=(plain,), gauges=gauges)
    (finding,) = found("loss-not-falling", given)
    assert (finding.severity, finding.case) == ("fault", "denied")
    assert given.learning.by_loss > 0.85


def test_outputs_of_another_mode_deny_nothing_alone():
    """Batch statistics and dropout make outputs in evaluation differ: fixed samples decide."""
    given = evidence(heads=(head(after=head().before),))
    assert given.learning.verdict == "learned"
    pure = evidence(heads=(head(after=head().before, pure=True),))
    assert pure.failing


def test_a_loss_of_ones_own_that_falls_is_on_its_way():
    own = head(loss=Loss("other", "mine"))
    assert evidence(heads=(own,)).learning.verdict == "learning"


def known(share: float, rows: int = 100) -> Head:
    """Left-out samples of which a share is known, the others guessed with the same certainty."""
    y = labels(rows)
    said = (y + np.arange(rows) // 4) % 4
    said[: int(share * rows)] = y[: int(share * rows)]
    return head(y=y, before=flat_outputs(rows), after=good_outputs(said))


def test_targets_learned_by_heart():
    tried = (Trial(Change(left_out=True), FLAT, False, (known(0.0),)),)
    (finding,) = found("loss-not-falling", evidence(trials=tried))
    assert (finding.severity, finding.case) == ("fault", "by_heart")
    tried = (Trial(Change(left_out=True), FLAT, False, (known(0.4),)),)
    assert found("loss-not-falling", evidence(trials=tried)) == []


def test_chance_agrees_with_a_permutation_test_of_accuracy():
    assert agreement(known(0.4)).related and agreement(known(1.0)).related
    guessed = agreement(known(0.0))
    # Of four equal classes a guess is right in a quarter; 5 % of 100 guesses reach 32.
    assert not guessed.related and 0.0 < guessed.by_chance < 0.2


def test_the_same_sample_has_the_same_key_in_any_batch():
    x = np.random.default_rng(0).normal(size=(9, 3)).astype(np.float32)
    keys = row_keys([x, np.arange(9)])
    assert len(set(keys)) == 9
    assert np.array_equal(row_keys([x[4:6], np.arange(4, 6)]), keys[4:6])


def test_left_out_samples_are_a_quarter_of_those_at_hand():
    rows = rows_left_out(200)
    assert (len(rows), rows[0], rows[-1]) == (50, 150, 199)
    (part,) = of_rows([head()], rows)
    assert part.after is not None
    assert np.array_equal(part.y, labels()[150:]) and len(part.after) == 50
    assert of_rows([head(after=flat_outputs(20))], rows) == ()
