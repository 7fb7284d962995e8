"""From an answer to a finding: severity, case and layer of the rules about wiring."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from gradgauge.diagnosis.facts import Loss
from gradgauge.diagnosis.finding import FAULT, WARNING
from gradgauge.diagnosis.properties.answers import Properties
from gradgauge.diagnosis.properties.bounds import Bounds
from gradgauge.diagnosis.properties.experiment import Loose, LossCall, Pairing
from gradgauge.diagnosis.properties.foresight import Foresight
from gradgauge.diagnosis.properties.mixing import Mixing
from gradgauge.diagnosis.properties.modes import Modes
from gradgauge.diagnosis.properties.order import Epoch, Order, order_of
from gradgauge.diagnosis.properties.reach import Reach
from gradgauge.diagnosis.rules import BY_NAME, ask
from tests.diagnosis.made import evidence, head


def findings(rule: str, **answers: Any) -> list[Any]:
    """What a rule makes of answers, in an otherwise healthy training."""
    with_answers = dataclasses.replace(evidence(), properties=Properties(**answers))
    return ask(BY_NAME[rule], with_answers)[0]


@pytest.mark.parametrize(
    ("rule", "case", "answers"),
    [
        ("batch-mixing", "other_samples", {"mixing": Mixing(1.0)}),
        ("unreached-layer", "loss_cut", {"reach": Reach(nothing=True)}),
        ("unreached-layer", "loss_constant", {"reach": Reach(nothing=True, constant=True)}),
        ("unreached-layer", "outputs_cut", {"reach": Reach(nothing=True, within_model=True)}),
        ("unreached-layer", "detached", {"reach": Reach(cut=(0,)), "names": ("h2.weight",)}),
        ("unreached-layer", "unregistered", {"loose": (Loose((3, 3), True, False),)}),
        ("train-eval-gap", "dropout", {"modes": Modes("dropout")}),
        ("train-eval-gap", "frozen_statistics", {"modes": Modes("", ("norm",))}),
        ("unshuffled-batches", "same_batch", {"order": Order("same_batch", 9)}),
        ("loss-mismatch", "shapes_met", {"mispaired": Pairing("sub", ("B", "1"), ("B",))}),
    ],
)
def test_a_broken_property_is_a_fault(rule: str, case: str, answers: dict[str, Any]):
    found = findings(rule, **answers)
    assert [(f.case, f.severity) for f in found] == [(case, FAULT)]
    assert all(f.sentence(lang) and f.advice(lang) for f in found for lang in ("en", "ko"))


def test_a_cut_names_its_layer():
    (found,) = findings("unreached-layer", reach=Reach(cut=(0,)), names=("net.h2.weight",))
    assert found.layer == "h2"


def test_statistics_of_the_batch_by_choice_are_a_warning():
    (found,) = findings("batch-mixing", mixing=Mixing(1.0), plain_batch_statistics=True)
    assert found.severity == WARNING


def test_sorted_batches_that_did_no_harm_are_a_warning():
    (found,) = findings("unshuffled-batches", order=Order("sorted_classes", 9, 1.0, 0.4))
    assert found.severity == WARNING


def probabilities(rows: int = 12, classes: int = 3) -> np.ndarray:
    p = np.random.default_rng(0).random((rows, classes))
    return p / p.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("name", ["kl_div", "nll_loss"])
def test_probabilities_where_logarithms_are_asked(name: str):
    p = probabilities()
    target = p if name == "kl_div" else np.arange(len(p)) % 3
    head = dataclasses.replace(
        evidence().heads[0], loss=dataclasses.replace(evidence().heads[0].loss, kind="other")
    )

    def cases(given: np.ndarray) -> list[str]:
        asked = dataclasses.replace(
            evidence(), heads=(head,), properties=Properties(calls=(LossCall(name, given, target),))
        )
        return [f.case for f in ask(BY_NAME["loss-mismatch"], asked)[0]]

    assert cases(p) == ["probabilities_as_logs"]
    assert cases(np.log(p)) == []
    # A focal loss weights the logarithms: they do not sum to 1 any more.
    assert cases((1 - p) ** 2 * np.log(p)) == []


def epoch(labels: np.ndarray, batch: int = 10, **options: Any) -> Order:
    targets = tuple(labels[i : i + batch] for i in range(0, len(labels), batch))
    rows = tuple(np.arange(len(t)) + 1000.0 * i for i, t in enumerate(targets))
    return order_of(Epoch(targets, rows, **options))


def test_orders_of_labels():
    draw = np.random.default_rng(0)
    classes = draw.integers(0, 5, 200)
    assert epoch(np.sort(classes)).case == "sorted_classes"
    assert epoch(np.sort(classes)[::-1]).case == "sorted_classes"
    assert epoch(classes).case == ""
    assert epoch(np.sort(classes), shuffled=True).case == ""
    assert epoch(np.sort(classes), batch=100).reason == "few_batches"
    rare = (draw.random(400) < 0.02).astype(int)
    assert epoch(rare).case == ""
    balanced = np.tile(np.arange(5), 40)
    assert epoch(balanced).case == ""
    two_of_many = np.concatenate(
        [np.repeat(draw.choice(20, 2, replace=False), 5) for _ in range(20)]
    )
    assert epoch(two_of_many).case == ""
    numbers = draw.normal(size=200)
    assert epoch(numbers).case == ""
    assert epoch(np.sort(numbers)).case == "sorted_targets"


def test_a_part_of_the_data_again_and_again():
    labels, rows = np.arange(8) % 2, np.arange(8.0)
    same = Epoch((labels,) * 6, (rows,) * 6, samples=100)
    assert order_of(same).case == "same_batch"
    assert order_of(dataclasses.replace(same, samples=8)).case == ""


@pytest.mark.parametrize(
    ("activation", "smoothing", "size", "found"),
    [("tanh", 0.0, 1.0, 1), ("", 0.0, 1.0, 1), ("", 0.0, 3.0, 0), ("tanh", 0.1, 1.0, 0)],
)
def test_scores_within_one_and_a_loss_of_logits(
    activation: str, smoothing: float, size: float, found: int
):
    scores = size * np.tanh(np.random.default_rng(0).normal(size=(200, 4)))
    loss = Loss("sparse_categorical", "cross_entropy", True, smoothing)
    own = head(loss=loss, activation=activation, before=scores, after=scores)
    within = Properties(bounds=Bounds(-1.0, 1.0, 0.0, within_one=size <= 1))
    given = dataclasses.replace(evidence(), heads=(own,), properties=within)
    got, _ = ask(BY_NAME["loss-mismatch"], given)
    assert [(f.case, f.severity) for f in got] == [("bounded_logits", FAULT)] * found
    # The best that scores of 1 and -1 give: softmax's logarithm.
    best = -np.log(np.exp(1) / (np.exp(1) + 3 * np.exp(-1)))
    assert all(f.value == pytest.approx(best) for f in got)


@pytest.mark.parametrize(
    ("classes", "samples", "activation", "found"),
    [
        (1, 200, "linear", ["one_class"]),
        (2, 200, "linear", []),
        (1, 400, "linear", []),  # the other half was not seen
        (1, 200, "", []),  # scores of pairs, the first of which is always right
    ],
)
def test_targets_of_one_class(classes: int, samples: int, activation: str, found: list[str]):
    y = np.arange(200) % classes
    epoch = Epoch(tuple(np.split(y, 4)), tuple(np.split(np.arange(200.0), 4)), samples)
    scores = np.random.default_rng(0).normal(size=(200, 4))
    loss = Loss("sparse_categorical", "cross_entropy", True)
    own = head(loss=loss, activation=activation, y=y, before=scores, after=scores)
    order = Properties(order=order_of(epoch))
    given = dataclasses.replace(evidence(), heads=(own,), properties=order)
    got, _ = ask(BY_NAME["loss-mismatch"], given)
    assert [f.case for f in got] == found


@pytest.mark.parametrize(
    ("dropped", "kind", "found"),
    [
        (lambda out, draw: np.where(draw < 0.3, 0.0, out / 0.7), "mse", ["dropout_last"]),
        (lambda out, draw: np.where(draw < 0.3, 0.0, out / 0.7), "other", []),
        (lambda out, draw: np.where(np.abs(out) < 0.3 + 0 * draw, 0.0, out), "mse", []),
        (lambda out, draw: out + 0.3 * draw, "mse", []),
    ],
)
def test_outputs_that_are_dropped_at_random(dropped: Any, kind: str, found: list[str]):
    draw = np.random.default_rng(0)
    out = draw.normal(size=(200, 1))
    y = (out + 0.1 * draw.normal(size=out.shape)).astype("float32")
    in_training = dropped(out, draw.random(out.shape))
    own = head(loss=Loss(kind, "loss"), activation="", y=y, after=out, trained=in_training)
    given = dataclasses.replace(evidence(), heads=(own,), properties=Properties(modes=Modes()))
    assert [f.case for f in ask(BY_NAME["train-eval-gap"], given)[0]] == found


def test_a_state_that_goes_on_is_a_fault_whatever_else_mixes():
    (finding,) = findings("batch-mixing", remembered=1.0, mixing=Mixing())
    assert (finding.case, finding.severity) == ("earlier_batches", FAULT)
    for case in ("sees_ahead", "not_shifted"):
        (finding,) = findings("loss-mismatch", foresight=Foresight(case, 1.0))
        assert (finding.case, finding.severity) == (case, FAULT)
