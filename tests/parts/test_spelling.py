from __future__ import annotations

import pytest

from gradgauge.errors import UnknownName
from gradgauge.parts.activations import ACTIVATIONS
from gradgauge.parts.spelling import known_name
from gradgauge.spec.comparison import read_comparison
from gradgauge.spec.notation import parse, write


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("ReLU", "relu"),
        ("RELU", "relu"),
        ("Sigmoid", "sigmoid"),
        ("LeakyReLU", "leaky_relu"),
        ("leaky-relu", "leaky_relu"),
        ("HardSigmoid", "hard_sigmoid"),
        ("rleu", "rleu"),
    ],
)
def test_case_and_class_names_are_understood(written, meant):
    assert known_name(written, ACTIVATIONS) == meant


def test_a_comparison_takes_them_anywhere():
    spec = read_comparison(["ReLU,Sigmoid", "Tanh"], optimizer="Adam", loss="Cross-Entropy")
    assert spec.arguments == ("relu", "sigmoid", "tanh")
    assert spec.training.optimizer == "adam"
    assert spec.training.loss == "cross_entropy"
    assert write(parse("784-64:ReLU-64x2:tanh-10")) == "784-64:relu-64x2:tanh-10"


def test_a_misspelling_still_gets_the_nearest_name():
    with pytest.raises(UnknownName) as caught:
        read_comparison(["relu", "sigmoi"])
    assert caught.value.nearest == "sigmoid"
