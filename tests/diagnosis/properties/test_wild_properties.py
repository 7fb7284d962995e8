"""Kinds of public bug reports: each property broken, mended, and odd but sound."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.nn import functional as nnf  # noqa: E402

from gradgauge.diagnosis.facts import Data, Loss, TrainingHistory  # noqa: E402
from gradgauge.diagnosis.finding import FAULT, WARNING  # noqa: E402
from gradgauge.diagnosis.limits import limits_with, shipped  # noqa: E402
from gradgauge.diagnosis.properties.answers import Properties  # noqa: E402
from gradgauge.diagnosis.properties.experiment import LossCall, SummedAxis  # noqa: E402
from gradgauge.diagnosis.properties.in_time import Cut, cut_in_time  # noqa: E402
from gradgauge.diagnosis.properties.known import known_call  # noqa: E402
from gradgauge.diagnosis.properties.mixing import Mixing  # noqa: E402
from gradgauge.diagnosis.properties.modes import Following, Modes  # noqa: E402
from gradgauge.diagnosis.rules import BY_NAME, ask  # noqa: E402
from gradgauge.diagnosis.trainees.torch.attention import summed_axis  # noqa: E402
from gradgauge.diagnosis.trainees.torch.facts import rates_of, rounded_in  # noqa: E402
from tests.diagnosis.made import evidence, good_outputs, head, labels, layers  # noqa: E402
from tests.diagnosis.properties.test_wiring_rules import findings  # noqa: E402
from tests.diagnosis.properties.torch_models import (  # noqa: E402
    CLASSES,
    FEATURES,
    Calls,
    net,
    sequences,
)
from tests.diagnosis.properties.torch_models import ask as properties_of  # noqa: E402

MASK = torch.ones(5, 5, dtype=torch.bool).tril()


def attention(weights: Any, summed: Any = lambda w, v: w @ v) -> Any:
    """Self-attention: scores -> weights, weights and values -> outputs."""

    def forward(self: Any, x: Any) -> Any:
        q, k, v = self.qkv(x).chunk(3, -1)
        return self.head(summed(weights(q @ k.transpose(1, 2) / 2.0), v).mean(1))

    return Calls(forward, qkv=nn.Linear(FEATURES, 24), head=nn.Linear(8, CLASSES))


WRONG_AXIS = {
    "over the queries": attention(lambda s: s.softmax(1)),
    "over the queries, by function": attention(lambda s: nnf.softmax(s, dim=-2)),
    "turned before the product": attention(lambda s: s.softmax(-1).transpose(1, 2)),
    "with dropout, by einsum": attention(
        lambda s: nnf.dropout(torch.softmax(s, dim=1), 0.1),
        lambda w, v: torch.einsum("bqk,bkd->bqd", w, v),
    ),
    "masked": attention(lambda s: s.masked_fill(~MASK, -1e9).softmax(dim=1)),
}
RIGHT_AXIS = {
    "over the keys": attention(lambda s: s.softmax(-1)),
    "over the keys, masked": attention(lambda s: s.masked_fill(~MASK, -torch.inf).softmax(-1)),
    "turned twice": attention(lambda s: s.transpose(1, 2).softmax(1).transpose(1, 2)),
    "turned, by einsum": attention(
        lambda s: s.transpose(1, 2).softmax(1), lambda w, v: torch.einsum("bkq,bkd->bqd", w, v)
    ),
    "slots that compete, divided by their sum": attention(
        lambda s: s.softmax(1) / s.softmax(1).sum(2, keepdim=True)
    ),
    "soft clusters": Calls(
        lambda self, x: self.head((self.share(x).softmax(-1).transpose(1, 2) @ x).flatten(1)),
        share=nn.Linear(FEATURES, 5),
        head=nn.Linear(5 * FEATURES, CLASSES),
    ),
}


@pytest.mark.parametrize("name", WRONG_AXIS)
def test_weights_of_a_sum_that_sum_to_one_along_another_axis(name: str):
    model, x = WRONG_AXIS[name], torch.randn(4, 5, FEATURES)
    found = summed_axis(lambda: model(x))
    assert found is not None and found.shape == (4, 5, 5)
    assert {found.softmax, found.summed} == {1, 2}


@pytest.mark.parametrize("name", RIGHT_AXIS)
def test_weights_that_sum_to_one_where_they_are_summed(name: str):
    model, x = RIGHT_AXIS[name], torch.randn(4, 5, FEATURES)
    assert summed_axis(lambda: model(x)) is None


def placed(codes: Any) -> Any:
    table = torch.randn(64, FEATURES)
    return Calls(
        lambda self, x: self.head((x + codes(table, x)).tanh().mean(1)),
        head=nn.Linear(FEATURES, CLASSES),
    )


def test_codes_of_places_along_the_batch():
    wrong = properties_of(placed(lambda t, x: t[: len(x), None]), loader=sequences()).mixing
    assert wrong is not None and wrong.share == 0 and wrong.place == 1
    right = properties_of(placed(lambda t, x: t[: x.shape[1]]), loader=sequences()).mixing
    assert right == Mixing()


class Steps(nn.Module):
    """A recurrence step by step; the state is detached behind some of them."""

    def __init__(self, detach: Any):
        super().__init__()
        torch.manual_seed(0)
        self.cell, self.head, self.detach = nn.GRUCell(FEATURES, 8), nn.Linear(8, CLASSES), detach

    def forward(self, x: Any) -> Any:
        h = x.new_zeros(len(x), 8)
        for t in range(x.shape[1]):
            h = self.cell(x[:, t], h)
            h = h.detach() if self.detach(t) else h
        return self.head(h)


def pooled() -> Any:
    return Calls(
        lambda self, x: self.head(x.amax(1)),
        head=nn.Linear(FEATURES, CLASSES),
    )


@pytest.mark.parametrize(
    ("model", "places"),
    [
        (Steps(lambda t: t < 4), 4),
        (Steps(lambda t: t == 1), 2),
        (Steps(lambda _: False), 0),
        (pooled(), 0),
    ],
)
def test_how_far_back_in_time_the_gradient_goes(model: Any, places: int):
    assert properties_of(model, loader=sequences()).in_time == Cut(places, 5)


def test_rows_that_are_no_sequence_are_not_followed_in_time():
    assert properties_of(net()).in_time is None


def test_single_places_without_a_gradient_are_no_cut():
    class Found:
        def slopes(self) -> Any:
            return np.array([0.0, 1.0, 0.0, 1.0, 1.0])

        def change(self, place: int) -> float:
            raise AssertionError(place)

    assert cut_in_time(Found()) == Cut(0, 5)


def test_parts_of_one_step_are_a_fault_and_longer_ones_only_where_it_fails():
    (alone,) = findings("unreached-layer", in_time=Cut(4, 5))
    (parts,) = findings("unreached-layer", in_time=Cut(2, 5))
    assert (alone.case, alone.severity, parts.severity) == ("cut_in_time", FAULT, WARNING)


@pytest.mark.parametrize(
    ("rule", "case", "answers"),
    [
        ("batch-mixing", "by_place", {"mixing": Mixing(place=1.0)}),
        ("loss-mismatch", "attention_axis", {"summed": SummedAxis(1, 2, (4, 5, 5))}),
    ],
)
def test_a_broken_property_is_a_fault(rule: str, case: str, answers: dict[str, Any]):
    (found,) = findings(rule, **answers)
    assert (found.case, found.severity) == (case, FAULT)
    assert all(found.sentence(lang) and found.advice(lang) for lang in ("en", "ko"))


OWN = Loss("other", "loss")


def mismatches(own: Any, **answers: Any) -> list[tuple[str, str]]:
    """Findings of loss-mismatch about a loss of the user's own."""
    changed = dataclasses.replace(evidence(), heads=(own,), properties=Properties(**answers))
    return [(f.case, f.severity) for f in ask(BY_NAME["loss-mismatch"], changed)[0]]


@pytest.mark.parametrize(
    ("loss", "case"),
    [
        (lambda out, y: nnf.nll_loss(nnf.log_softmax(out, 0), y), "softmax_over_rows"),
        (
            lambda out, y: -(out.log_softmax(0) * nnf.one_hot(y, 4)).sum(1).mean(),
            "softmax_over_rows",
        ),
        (lambda out, y: nnf.nll_loss(nnf.log_softmax(out, 1), y), None),
        (lambda out, y: -(out.log_softmax(1) * nnf.one_hot(y, 4)).sum(1).mean(), None),
        (
            lambda out, y: nnf.cosine_embedding_loss(out, out.roll(1, 0), (y == y.roll(1)).float()),
            "labels_not_signs",
        ),
        (
            lambda out, y: nnf.cosine_embedding_loss(
                out, out.roll(1, 0), 2 * (y == y.roll(1)).float() - 1
            ),
            None,
        ),
    ],
)
def test_what_known_losses_get_inside_of_ones_own(loss: Any, case: str | None):
    calls = properties_of(net(), loss).calls
    own = head(loss=OWN, activation="", before=scores(0), after=scores(5))
    assert mismatches(own, calls=calls) == ([(case, FAULT)] if case else [])


def test_squares_of_all_pairs_are_told_by_their_value():
    own = head(
        loss=OWN, activation="", y=np.arange(9.0)[:, None], before=np.ones((9, 1)), after=None
    )
    draw = np.random.default_rng(0)
    out, y = draw.normal(size=(2, 9, 1))
    values = [float(np.mean((s * out[:, 0] - y) ** 2)) for s in (1.0, 0.5)]
    call = known_call([(v, s * out, y) for v, s in zip(values, (1.0, 0.5), strict=True)])
    assert call is not None and mismatches(own, calls=(call,)) == [("shapes_broadcast", FAULT)]
    values = [float(np.mean((s * out - y) ** 2)) for s in (1.0, 0.5)]
    assert known_call([(v, s * out, y) for v, s in zip(values, (1.0, 0.5), strict=True)]) is None


def scores(right: float) -> np.ndarray:
    """Scores of both signs that put the right class so far above the others."""
    y = labels()
    out = np.random.default_rng(0).normal(size=(len(y), 4))
    out[np.arange(len(y)), y] += right
    return out


def test_a_loss_of_the_wrong_sign_is_told_from_distances_and_energies():
    away = head(loss=OWN, activation="", before=scores(0), after=scores(-5))
    assert mismatches(away) == [("away_from_targets", FAULT)]
    assert mismatches(head(loss=OWN, activation="", before=scores(0), after=scores(5))) == []
    distances = dataclasses.replace(away, after=np.abs(scores(-5)))
    assert mismatches(distances) == []
    turned = dataclasses.replace(away, after=np.roll(scores(-5), 1, axis=1))
    assert mismatches(turned) == []
    energies = LossCall("cross_entropy", -scores(-5), labels())
    assert mismatches(away, calls=(energies,)) == []


def test_padding_that_the_loss_counts():
    rng = np.random.default_rng(0)
    words, y = rng.integers(1, 9, (2, 200, 20))
    behind = np.arange(20) >= rng.integers(3, 7, (200, 1))
    words[behind], y[behind] = 0, 0
    own = head(
        loss=Loss("other", "CrossEntropyLoss"),
        activation="",
        y=y,
        before=np.zeros((200, 9, 20)),
        after=None,
    )
    changed = dataclasses.replace(
        evidence(), heads=(own,), data=Data((words,), 200, 10, tokens=True)
    )

    def cases(target: np.ndarray) -> list[str]:
        given = np.random.default_rng(1).normal(size=(target.size, 9))
        call = LossCall("cross_entropy", given, target, "linear")
        asked = dataclasses.replace(changed, properties=Properties(calls=(call,)))
        return [f.case for f in ask(BY_NAME["loss-mismatch"], asked)[0]]

    assert cases(y.reshape(-1)) == ["padding_counted"]
    assert cases(y[~behind]) == []


def test_a_class_that_the_loss_ignores():
    assert mismatches(head(passed_over=0.25)) == [("class_ignored", FAULT)]


def gap(trained: float, modes: Modes) -> list[tuple[str, str]]:
    """Findings where outputs know nothing in evaluation, and so much in training mode."""
    y = labels()
    known = good_outputs(y) if trained else head().before
    own = head(after=head().before, trained=known)
    changed = dataclasses.replace(
        evidence(), heads=(own,), properties=Properties(modes=modes), history=history()
    )
    return [(f.case, f.severity) for f in ask(BY_NAME["train-eval-gap"], changed)[0]]


def history() -> TrainingHistory:
    return TrainingHistory(np.linspace(1.4, 0.2, 40), 40)


def test_what_is_learned_must_show_in_evaluation():
    assert gap(1, Modes()) == [("outputs_differ", FAULT)]
    assert gap(0, Modes()) == []
    slow = Following("norm", 1e-4, 0.97)
    assert gap(1, Modes(slow=(slow,))) == [("slow_statistics", FAULT)]
    of_keras = Following("norm", 0.01, 0.67)
    assert gap(1, Modes(slow=(of_keras,))) == [("slow_statistics", WARNING)]
    arrived = Following("norm", 0.1, 1e-9)
    assert gap(1, Modes(slow=(arrived,))) == [("outputs_differ", WARNING)]


def test_a_group_with_a_rate_of_next_to_nothing():
    made = layers(rate=5e-3)
    made[1] = dataclasses.replace(made[1], rate=1e-8)
    failing = evidence(made=made, failing=True)
    cases = [(f.case, f.layer) for f in ask(BY_NAME["update-ratio"], failing)[0]]
    assert ("rates_apart", "h2") in cases
    model = net()
    groups = [{"params": model[0].parameters(), "lr": 1e-8}, {"params": model[2].parameters()}]
    rates = rates_of(torch.optim.SGD(groups, 0.1))
    assert rates[id(model[0].weight)] == 1e-8 and rates[id(model[2].bias)] == 0.1


def test_steps_lost_in_rounding():
    weight = nn.Parameter(torch.ones(8, dtype=torch.bfloat16))
    weight.grad = torch.tensor([1.0] * 6 + [0.0, 100.0]).bfloat16()
    before = weight.detach().clone()
    torch.optim.SGD([weight], 1e-3).step()
    assert rounded_in([weight], [before]) == pytest.approx(6 / 7)
    assert rounded_in([nn.Parameter(torch.ones(2))], [torch.ones(2)]) is None
    lost = dataclasses.replace(history(), rounded={1: 0.97, 4: 0.99})
    failing = dataclasses.replace(evidence(failing=True), history=lost)
    assert ask(BY_NAME["update-ratio"], failing)[0][0].case == "rounded"


def test_limits_of_properties_can_be_set():
    loose = limits_with({"batch-mixing.changed": 1e9})
    assert loose["batch-mixing"]["changed"].value != shipped()["batch-mixing"]["changed"].value


def test_dropout_that_nobody_tells_the_mode_is_no_matter_of_places():
    model = Calls(lambda self, x: self.head(nnf.dropout(x, 0.5)), head=nn.Linear(FEATURES, CLASSES))
    found = properties_of(model)
    assert found.mixing == Mixing()
    assert found.modes is not None and found.modes.dropout == "dropout"
