"""Rule loss-mismatch: every pairing that does not belong together, and those that do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gradgauge.diagnosis.facts import Loss
from tests.diagnosis.made import evidence, flat_outputs, found, head, labels, silent

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(size=(200, 4))
ONE_HOT = np.eye(4)[labels()]
BITS = (labels() % 2).astype(float)[:, None]
NUMBERS = RNG.normal(size=(200, 1))
SIGMOID = 1 / (1 + np.exp(-RNG.normal(size=(200, 1))))


def sparse(logits: Any = False) -> Loss:
    return Loss("sparse_categorical", "loss", logits)


def binary(logits: bool = False) -> Loss:
    return Loss("binary", "loss", logits)


MSE = Loss("mse", "mean_squared_error")

WRONG = {
    "softmax_twice": head(loss=sparse(True)),
    "logits_as_probabilities": head(activation="linear", before=LOGITS),
    "sigmoid_categorical": head(
        activation="sigmoid",
        before=SIGMOID.repeat(4, 1),
        y=ONE_HOT,
        loss=Loss("categorical", "loss"),
    ),
    "softmax_one_unit": head(before=np.ones((200, 1)), y=BITS, loss=binary()),
    "one_unit": head(activation="linear", before=NUMBERS, loss=sparse(True)),
    "labels_out_of_range": head(y=labels() + 1),
    "labels_not_whole": head(y=labels() + 0.5),
    "sigmoid_twice": head(activation="sigmoid", before=SIGMOID, y=BITS, loss=binary(True)),
    "labels_out_of_unit": head(activation="sigmoid", before=SIGMOID, y=2 * BITS - 1, loss=binary()),
    "softmax_multi_label": head(y=(RNG.random((200, 4)) > 0.5).astype(float), loss=binary()),
    "target_out_of_range": head(
        activation="tanh", before=np.tanh(NUMBERS), y=10 * NUMBERS, loss=MSE
    ),
    "shapes_broadcast": head(
        activation="linear", before=NUMBERS, y=NUMBERS[:, 0], loss=MSE, strict_shapes=True
    ),
    "probabilities_as_logs": head(loss=sparse(None)),
    "logits_as_logs": head(activation="linear", before=LOGITS, loss=sparse(None)),
    "targets_no_distribution": head(y=np.ones((200, 4)), loss=Loss("categorical", "loss")),
}

RIGHT = {
    "softmax and probabilities": head(),
    "logits and logits": head(activation="linear", before=LOGITS, loss=sparse(True)),
    "log softmax": head(activation="log_softmax", before=np.log(flat_outputs()), loss=sparse(None)),
    "sigmoid and bits": head(activation="sigmoid", before=SIGMOID, y=BITS, loss=binary()),
    "soft bits": head(activation="sigmoid", before=SIGMOID, y=BITS * 0.8 + 0.1, loss=binary()),
    "smoothed targets": head(y=ONE_HOT * 0.9 + 0.025, loss=Loss("categorical", "loss")),
    "linear and numbers": head(activation="linear", before=NUMBERS, y=1e4 * NUMBERS, loss=MSE),
    "sigmoid and unit range": head(activation="sigmoid", before=SIGMOID, y=SIGMOID, loss=MSE),
    "tanh with a few outside": head(
        activation="tanh", before=np.tanh(NUMBERS), y=np.clip(NUMBERS * 0.5, -1.05, 1.05), loss=MSE
    ),
    "shapes that Keras squeezes": head(
        activation="linear", before=NUMBERS, y=NUMBERS[:, 0], loss=MSE
    ),
    "a softmax that nobody named": head(activation=""),
}


@pytest.mark.parametrize("case", sorted(WRONG))
def test_what_does_not_belong_together(case):
    findings = found("loss-mismatch", evidence(heads=(WRONG[case],)))
    assert [f.case for f in findings] == [case]
    assert findings[0].severity == "fault"
    assert findings[0].layer == "out"


@pytest.mark.parametrize("case", sorted(RIGHT))
def test_what_does(case):
    assert found("loss-mismatch", evidence(heads=(RIGHT[case],))) == []


def test_a_softmax_with_a_binary_loss_and_one_true_label_is_warned_of():
    (finding,) = found("loss-mismatch", evidence(heads=(head(y=ONE_HOT, loss=binary()),)))
    assert finding.severity == "warning"


def test_a_loss_of_the_users_own_cannot_be_judged():
    assert (
        silent("loss-mismatch", evidence(heads=(head(loss=Loss("other", "mine")),)))
        == "unknown_loss"
    )
    assert silent("loss-mismatch", evidence(heads=())) == "unknown_loss"


def test_a_relu_gives_no_probabilities_even_where_it_has_not_passed_1_yet():
    clipped = head(activation="relu", before=np.clip(NUMBERS, 0, 0.9), y=BITS, loss=binary())
    (finding,) = found("loss-mismatch", evidence(heads=(clipped,)))
    assert (finding.severity, finding.case) == ("fault", "logits_as_probabilities")


@pytest.mark.parametrize(("failing", "severity"), [(False, "warning"), (True, "fault")])
def test_class_logits_that_are_cut_off_at_0(failing, severity):
    cut = head(activation="relu", before=np.maximum(LOGITS, 0), loss=sparse(True))
    after = cut.before if failing else 5 * ONE_HOT
    given = evidence(failing, heads=(replace(cut, after=after),))
    assert [(f.case, f.severity) for f in found("loss-mismatch", given)] == [
        ("clipped_logits", severity)
    ]
