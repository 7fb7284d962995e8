"""Rule regressed: a training that has lost what it had."""

from __future__ import annotations

import numpy as np

from gradgauge.diagnosis.facts import Loss
from gradgauge.diagnosis.session import conclude
from tests.diagnosis.made import (
    FALLING,
    FLAT,
    evidence,
    flat_outputs,
    found,
    good_outputs,
    head,
    history,
    labels,
    silent,
)

GOOD = good_outputs(labels())
OWN = Loss("other", "mine")


def test_a_model_that_was_good_before():
    given = evidence(heads=(head(before=GOOD, after=flat_outputs()),), history=history(FLAT))
    (finding,) = found("regressed", given)
    assert (finding.severity, finding.case) == ("fault", "skill")
    assert not conclude(given).healthy


def test_a_training_that_had_learned_on_the_way():
    there_and_back = np.concatenate([np.linspace(1.39, 0.1, 40), np.linspace(0.1, 1.39, 40)])
    given = evidence(failing=True, history=history(there_and_back))
    (finding,) = found("regressed", given)
    assert finding.case == "way"


def test_a_loss_of_ones_own_that_ends_above_its_start():
    """The first step throws it far off, and what follows looks like a fall."""
    losses = np.concatenate([[2.1, 70.0], np.linspace(40, 2.6, 38)])
    own = head(loss=OWN, after=GOOD)
    gauges = {"loss": [[2.1, 2.7, 2.6]]}
    given = evidence(heads=(own,), history=history(losses), gauges=gauges)
    assert given.learning.verdict == "failing"
    (finding,) = found("regressed", given)
    assert finding.case == "loss"


def test_a_healthy_training_has_lost_nothing():
    assert found("regressed", evidence()) == []


def test_a_training_that_never_learned_has_nothing_to_lose():
    assert found("regressed", evidence(failing=True)) == []


def test_few_steps_say_nothing():
    assert silent("regressed", evidence(history=history(FALLING[:4]))) == "too_few_steps"
