"""What `write` prints, `parse` reads back, and prints again letter for letter."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradgauge.errors import GradgaugeError, InvalidNotation
from gradgauge.parts.activations import ACTIVATIONS
from gradgauge.parts.initializers import INITIALIZERS
from gradgauge.parts.normalizations import NORMALIZATIONS
from gradgauge.spec.network import Layer, NetworkSpec
from gradgauge.spec.notation import parse, write

widths, names = st.integers(1, 9_999), st.sampled_from(sorted(ACTIVATIONS))
positive = st.floats(1e-300, 1e300, exclude_min=True)


@st.composite
def networks(draw: st.DrawFn) -> NetworkSpec:
    skip = draw(st.sampled_from([0, 0, 1, 2, 5]))
    if skip:
        width = draw(widths)
        hidden = [Layer(width, draw(names)) for _ in range(draw(st.integers(1, 6)))]
    else:
        hidden = draw(st.lists(st.builds(Layer, widths, names), min_size=1, max_size=6))
    repeated = [layer for layer in hidden for _ in range(draw(st.integers(1, 4)))]
    return NetworkSpec(
        draw(widths),
        tuple(repeated),
        draw(widths),
        init=draw(st.sampled_from(sorted(INITIALIZERS))),
        scale=draw(st.one_of(st.just(1.0), positive)),
        bias_std=draw(st.one_of(st.just(0.0), positive)),
        norm=draw(st.sampled_from(sorted(NORMALIZATIONS))),
        skip=skip,
    )


@given(networks())
def test_round_trip(network: NetworkSpec) -> None:
    text = write(network)
    assert parse(text) == network
    assert write(parse(text)) == text
    assert "\n" not in text


@pytest.mark.parametrize(
    "text",
    [
        "784-64x10-10 relu",
        "784-64x9:sigmoid-64:relu-10",
        "784-64x50-10 tanh init=orthogonal scale=1.05 bias_std=0.0045 norm=layer skip=2",
        "12-5-3 gelu_tanh scale=2",
    ],
)
def test_the_contracts_own_examples_come_back_letter_for_letter(text: str) -> None:
    assert write(parse(text)) == text


def test_one_network_has_one_notation() -> None:
    for text in (
        "4-3:relu-3:relu-2",
        "4-3x2:relu-2",
        "4-3-3-2 relu",
        "  4-3x2-2   relu scale=1.0 ",
        "4-3x2-2 relu skip=0 norm=none",
    ):
        assert write(parse(text)) == "4-3x2-2 relu"


@given(st.text("0123456789x-:= relusigmoidnr._e+", max_size=30))
def test_whatever_is_written_is_a_network_or_a_sentence(text: str) -> None:
    try:
        network = parse(text)
    except GradgaugeError as mistake:
        for lang in ("en", "ko"):
            assert "\n" not in mistake.sentence(lang)
        if isinstance(mistake, InvalidNotation):
            assert 0 <= mistake.position <= len(text)
    else:
        assert parse(write(network)) == network


def test_a_number_of_thousands_of_digits_is_a_sentence():
    for text in ("784-" + "9" * 5_000 + "-10 relu", "784-64x" + "9" * 5_000 + "-10 relu"):
        with pytest.raises(InvalidNotation) as caught:
            parse(text)
        assert caught.value.reason == "too_long"
