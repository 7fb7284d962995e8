"""ComparisonSpec: names, sizes, and the command that repeats it."""

from __future__ import annotations

import shlex

import pytest

from gradgauge.errors import GradgaugeError, InvalidValue
from gradgauge.spec.comparison import (
    ComparisonSpec,
    DoesNotFit,
    NothingToCompare,
    read_comparison,
    seed_range,
)
from gradgauge.spec.notation import parse
from gradgauge.spec.training import TrainingSpec


def test_an_activations_name_becomes_ten_layers_of_64() -> None:
    networks = ComparisonSpec(("relu",)).networks(784, 10)
    assert networks == {"relu": parse("784-64x10-10 relu")}


def test_depth_width_and_the_datas_own_ends() -> None:
    networks = ComparisonSpec(("tanh",), depth=3, width=8).networks(12, 4)
    assert networks == {"tanh": parse("12-8x3-4 tanh")}


def test_a_second_network_of_one_name_is_called_2() -> None:
    """CONTRACT section 3."""
    networks = ComparisonSpec(("relu", "relu", "tanh", "relu")).networks(784, 10)
    assert list(networks) == ["relu", "relu-2", "tanh", "relu-3"]


def test_names_are_the_arguments_as_given() -> None:
    networks = ComparisonSpec(("784-64x9:sigmoid-64:relu-10", "relu")).networks(784, 10)
    assert list(networks) == ["784-64x9:sigmoid-64:relu-10", "relu"]


@pytest.mark.parametrize(
    ("arguments", "preset", "both"), [((), None, False), (("relu",), "practical", True)]
)
def test_networks_or_a_preset(arguments, preset, both: bool) -> None:
    with pytest.raises(NothingToCompare) as caught:
        ComparisonSpec(arguments, preset=preset)
    assert caught.value.both == both


def test_depth_belongs_to_networks_named_by_activation() -> None:
    for options in ({"preset": "practical"}, {"arguments": ("784-8-10 relu",)}):
        with pytest.raises(InvalidValue) as caught:
            ComparisonSpec(depth=3, **options)
        assert caught.value.requirement == "only_beside_activations"


@pytest.mark.parametrize("text", ["10-8-3 relu", "12-8-2 relu"])
def test_ends_that_do_not_fit_the_data(text: str) -> None:
    with pytest.raises(DoesNotFit) as caught:
        ComparisonSpec((text,)).fitting(12, 3)
    assert (caught.value.inputs, caught.value.outputs) == (12, 3)
    assert "12" in str(caught.value)


@pytest.mark.parametrize(
    "spec",
    [
        read_comparison(["relu", "sigmoid"]),
        read_comparison(["784-8x2-10 relu skip=1", "gelu"], depth=3, epochs=2, seeds=4, seed=7),
        read_comparison([], preset="practical", optimizer="momentum", learning_rate=0.01),
        read_comparison(["tanh"], dataset="my data.npz", clip_norm=0.5, dtype="float64"),
    ],
)
def test_the_command_reads_back_as_the_same_comparison(spec: ComparisonSpec) -> None:
    words = shlex.split(spec.command())
    assert words[:2] == ["gradgauge", "compare"]
    options, arguments, rest = {}, [], words[2:]
    while rest:
        word = rest.pop(0)
        if word.startswith("--"):
            options[word.removeprefix("--").replace("-", "_")] = rest.pop(0)
        else:
            arguments.append(word)
    numbers = {"depth", "width", "epochs", "seeds", "seed", "batch_size", "warmup_steps"}
    reals = {"learning_rate", "clip_norm", "momentum", "weight_decay"}
    for name, value in options.items():
        options[name] = int(value) if name in numbers else float(value) if name in reals else value
    assert read_comparison(arguments, **options) == spec


def test_seeds_in_a_row() -> None:
    assert seed_range(3, 5) == (5, 6, 7)
    for count, first, field in ((0, 0, "seeds"), (1.5, 0, "seeds"), (1, -1, "seed")):
        with pytest.raises(InvalidValue) as caught:
            seed_range(count, first)
        assert caught.value.field == field


def test_none_means_the_default() -> None:
    assert read_comparison(["relu"], epochs=None, depth=None).training == TrainingSpec()


def test_every_mistake_of_a_comparison_is_ours_to_explain() -> None:
    for options in ({"epochs": 0}, {"optimizer": "x"}, {"depth": 0}, {"width": -1}, {"seeds": 0}):
        with pytest.raises(GradgaugeError):
            read_comparison(["relu"], **options)


@pytest.mark.parametrize("seeds", [[-1], [1, 1], (2**63,), "3", 10**9, 0])
def test_what_is_wrong_with_seeds_is_said(seeds) -> None:
    with pytest.raises(InvalidValue) as caught:
        read_comparison(("relu",), seeds=seeds)
    expected = {int: "at_most" if seeds else "whole_number"}.get(type(seeds), "seed_count")
    assert (caught.value.field, caught.value.requirement) == ("seeds", expected)


def test_no_seed_lies_beyond_what_a_run_holds() -> None:
    with pytest.raises(InvalidValue) as caught:
        read_comparison(("relu",), seed=2**63 - 1, seeds=2)
    assert (caught.value.field, caught.value.requirement) == ("seed", "at_most")


@pytest.mark.parametrize("size", ["depth", "width"])
@pytest.mark.parametrize("value", [10**9, 10**400])
def test_sizes_beyond_reason_are_refused_before_anything_is_made_of_them(size, value) -> None:
    if size == "width" and value < 2**63:
        return
    with pytest.raises(InvalidValue) as caught:
        read_comparison(("relu",), **{size: value})
    assert (caught.value.field, caught.value.requirement) == (size, "at_most")
