"""From an answer to a finding: severity, case and layer of the rules about wiring."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from gradgauge.diagnosis.finding import FAULT, WARNING
from gradgauge.diagnosis.properties.answers import Properties
from gradgauge.diagnosis.properties.experiment import Loose, LossCall, Pairing
from gradgauge.diagnosis.properties.mixing import Mixing
from gradgauge.diagnosis.properties.modes import Modes
from gradgauge.diagnosis.properties.order import Epoch, Order, order_of
from gradgauge.diagnosis.properties.reach import Reach
from gradgauge.diagnosis.rules import BY_NAME, ask
from tests.diagnosis.made import evidence


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
