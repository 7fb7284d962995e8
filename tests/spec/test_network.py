"""NetworkSpec: what it counts, and what it refuses."""

from __future__ import annotations

import dataclasses

import keras
import pytest

from gradgauge.errors import InvalidNotation, InvalidValue, UnknownName
from gradgauge.spec.network import Layer, NetworkSpec
from gradgauge.spec.notation import looks_like_notation, parse
from gradgauge.spec.presets import PRESETS, preset


def test_the_practicals_network_has_88330_parameters() -> None:
    """CONTRACT section 3."""
    assert parse("784-64x10-10 relu").parameters == 88_330


@pytest.mark.parametrize("norm", ["none", "batch", "layer"])
def test_parameters_are_what_keras_counts(norm: str) -> None:
    network = NetworkSpec(5, (Layer(4, "relu"), Layer(3, "relu")), 2, norm=norm)
    layers = keras.layers
    makes = {"batch": layers.BatchNormalization, "layer": layers.LayerNormalization}
    stack = [keras.Input((5,))]
    for width in (4, 3):
        stack += [layers.Dense(width), *([makes[norm]()] if norm != "none" else [])]
    model = keras.Sequential([*stack, layers.Dense(2)])
    assert network.parameters == sum(int(v.value.size) for v in model.trainable_variables)


def test_shapes_and_depth() -> None:
    network = parse("7-6x2:tanh-5:relu-3")
    assert network.shapes == [(7, 6), (6, 6), (6, 5), (5, 3)]
    assert network.depth == 3
    assert network.activations == ("tanh", "tanh", "relu")


def test_changed_copies() -> None:
    network = parse("7-6x2:tanh-5:relu-3")
    assert network.with_activation("gelu") == parse("7-6x2-5-3 gelu")
    assert network.replace(init="he_normal").init == "he_normal"
    assert network.init == "glorot_uniform"
    with pytest.raises(dataclasses.FrozenInstanceError):
        network.init = "zeros"  # type: ignore[misc]


GOOD = {"inputs": 4, "hidden": (Layer(3, "relu"),), "outputs": 2}


@pytest.mark.parametrize(
    ("field", "value", "named", "requirement"),
    [
        ("inputs", 0, "inputs", "whole_number"),
        ("inputs", 1.5, "inputs", "whole_number"),
        ("inputs", True, "inputs", "whole_number"),
        ("outputs", -1, "outputs", "whole_number"),
        ("hidden", (), "depth", "whole_number"),
        ("hidden", (Layer(0, "relu"),), "width", "whole_number"),
        ("hidden", (Layer(-3, "relu"),), "width", "whole_number"),
        ("scale", 0.0, "scale", "positive"),
        ("scale", float("nan"), "scale", "positive"),
        ("scale", float("inf"), "scale", "positive"),
        ("scale", "2", "scale", "positive"),
        ("bias_std", -0.1, "bias_std", "not_negative"),
        ("bias_std", float("nan"), "bias_std", "not_negative"),
        ("skip", -1, "skip", "whole_number"),
        ("skip", 0.5, "skip", "whole_number"),
    ],
)
def test_a_value_that_cannot_be_names_its_field(field, value, named, requirement) -> None:
    with pytest.raises(InvalidValue) as caught:
        NetworkSpec(**{**GOOD, field: value})
    assert (caught.value.field, caught.value.requirement) == (named, requirement)
    assert named in str(caught.value)


def test_skips_need_equal_widths() -> None:
    hidden = (Layer(3, "relu"), Layer(4, "relu"))
    with pytest.raises(InvalidValue) as caught:
        NetworkSpec(4, hidden, 2, skip=1)
    assert caught.value.requirement == "equal_widths"


@pytest.mark.parametrize(
    ("field", "value", "kind", "nearest"),
    [
        ("hidden", (Layer(3, "sigmiod"),), "activation", "sigmoid"),
        ("init", "orthogonl", "init", "orthogonal"),
        ("norm", "btach", "norm", "batch"),
    ],
)
def test_an_unknown_name_names_the_nearest(field, value, kind, nearest) -> None:
    with pytest.raises(UnknownName) as caught:
        NetworkSpec(**{**GOOD, field: value})
    assert (caught.value.kind, caught.value.nearest) == (kind, nearest)


@pytest.mark.parametrize(
    ("text", "position", "reason"),
    [
        ("", 0, "empty"),
        ("784-10 relu", 0, "too_few_widths"),
        ("784-64x10-10", 4, "no_activation"),
        ("784-64:relu-32-10", 12, "no_activation"),
        ("784-64x-10 relu", 4, "bad_group"),
        ("784-sixty-10 relu", 4, "bad_group"),
        ("x-64-10 relu", 0, "not_a_number"),
        ("784-64-ten relu", 7, "not_a_number"),
        ("784-0x3-10 relu", 4, "zero_width"),
        ("784-64x0-10 relu", 4, "zero_width"),
        ("784-64x99999-10 relu", 4, "too_deep"),
        ("784-64-10 relu depth=3", 15, "unknown_option"),
        ("784-64-10 relu tanh", 15, "unknown_option"),
        ("784-64-10 relu scale=1 scale=2", 23, "twice"),
        ("784-64-10 relu scale=big", 21, "not_a_number"),
        ("784-64-10 relu skip=1.5", 20, "not_a_number"),
    ],
)
def test_a_bad_notation_says_where_and_why(text: str, position: int, reason: str) -> None:
    with pytest.raises(InvalidNotation) as caught:
        parse(text)
    assert (caught.value.position, caught.value.reason) == (position, reason)
    for lang in ("en", "ko"):
        assert str(position + 1) in caught.value.sentence(lang)


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("relu", False),
        ("gelu_tanh", False),
        ("784-64-10 relu", True),
        ("784", True),
        ("rleu", False),
        ("a-b", True),
    ],
)
def test_what_looks_like_a_notation(text: str, is_one: bool) -> None:
    assert looks_like_notation(text) == is_one


def test_presets_are_the_exercise() -> None:
    """Nine sigmoid layers and a last hidden ReLU, as its code has it; all sigmoid as its text."""
    assert PRESETS["practical"] == {
        "relu": parse("784-64x10-10 relu"),
        "sigmoid": parse("784-64x9:sigmoid-64:relu-10"),
    }
    assert preset("practical-all-sigmoid")["sigmoid"] == parse("784-64x10-10 sigmoid")
    with pytest.raises(UnknownName) as caught:
        preset("practica")
    assert caught.value.nearest == "practical"
