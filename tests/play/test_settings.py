"""The settings' grammar: what is written reads back, what cannot be is said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradgauge.errors import GradgaugeError, InvalidValue, OutputProblem, UnknownName
from gradgauge.parts.activations import ACTIVATIONS
from gradgauge.parts.initializers import INITIALIZERS
from gradgauge.parts.optimizers import OPTIMIZERS
from gradgauge.play.export import export_replay
from gradgauge.play.numerals import decimal
from gradgauge.play.settings import read, values, write

_NUMBERS = st.floats(1e-12, 1e6, allow_nan=False)


@st.composite
def sides(draw, prefix: str = "") -> list[str]:
    depth = draw(st.integers(1, 12))
    width = draw(st.integers(1, 512))
    names = draw(st.lists(st.sampled_from(sorted(ACTIVATIONS)), min_size=depth, max_size=depth))
    act = draw(st.sampled_from([names[0], ",".join(names)]))
    steps = sorted(draw(st.sets(st.integers(1, 9_999), max_size=3)))
    rates = [repr(draw(_NUMBERS)), *(f"{at}:{draw(_NUMBERS)!r}" for at in steps)]
    words = {
        "net": f"{width}x{depth}",
        "act": act,
        "init": draw(st.sampled_from(sorted(INITIALIZERS))),
        "scale": repr(draw(_NUMBERS)),
        "opt": draw(st.sampled_from(sorted(OPTIMIZERS))),
        "lr": ",".join(rates),
    }
    return [f"{prefix}{key}={value}" for key, value in words.items()]


@given(st.data())
def test_what_is_written_reads_back_to_the_same_settings(data) -> None:
    words = data.draw(sides())
    if data.draw(st.booleans()):
        words += data.draw(sides(prefix="b."))
    words += [f"seed={data.draw(st.integers(0, 99))}", "hide=lr,opt", "lesson=2", "lang=ko"]
    reading = read("&".join(words))
    text = write(reading.settings)
    assert reading.unknown == ()
    assert read(text).settings == reading.settings
    assert write(read(text).settings) == text


def test_an_empty_address_is_the_first_scene() -> None:
    assert write(read("").settings) == "v=1&net=64x10&act=sigmoid&b.act=relu"
    assert write(read("#lang=ko").settings) == "v=1&net=64x10&act=sigmoid&b.act=relu&lang=ko"


def test_one_network_stays_alone() -> None:
    settings = read("v=1&net=64x10&act=sigmoid").settings
    assert len(settings.sides) == 1
    assert "b." not in write(settings)


def test_the_contracts_address_is_read_as_it_stands() -> None:
    text = (
        "v=1&net=64x10&act=sigmoid*9,relu&init=he_normal&scale=2&skip=2&opt=momentum"
        "&lr=1e-3,412:1e-4&clip=1&batch=100&epochs=2&data=digits&seed=3&seeds=2"
        "&b.act=relu&hide=lr,opt&lesson=2&lang=ko"
    )
    reading = read(text)
    assert reading.unknown == ()
    assert reading.settings.sides[0].rates == ((0, 1e-3), (412, 1e-4))
    assert reading.settings.seeds == (3, 4)
    assert reading.settings.sides[1].optimizer == "momentum"
    assert write(reading.settings) == text


def test_the_second_network_has_from_the_first_what_it_does_not_say() -> None:
    first, second = read("net=32x4&act=tanh&norm=layer&b.norm=none").settings.sides
    assert (first.norm, second.norm) == ("layer", "none")
    assert first.hidden == second.hidden


def test_every_setting_has_a_value() -> None:
    named = values(read("").settings)
    assert named["lr"] == "1e-3"
    assert (named["act"], named["b.act"], named["data"]) == ("sigmoid", "relu", "mnist")


def test_unknown_keys_are_reported_and_the_rest_holds() -> None:
    reading = read("net=8x2&act=relu&depht=3&b.batch=3")
    assert [error.name for error in reading.unknown] == ["depht", "b.batch"]
    assert len(reading.settings.sides[0].hidden) == 2


@pytest.mark.parametrize(
    "text",
    [
        "v=2",
        "net=64x101",
        "net=513x2",
        "net=0x2",
        "net=64*3",
        "net=64x10&act=sigmoid*9",
        "act=rleu",
        "init=xavier",
        "scale=0",
        "scale=nan",
        "norm=group",
        "net=64x2-32&skip=1",
        "opt=adamm",
        "lr=0",
        "lr=1e-3,5",
        "lr=4:1e-3",
        "lr=1e-3,5:1e-4,5:1e-5",
        "batch=0",
        "epochs=101",
        "seeds=11",
        "seed=-1",
        "seed=٣",
        "data=imagenet",
        "data=own:../../etc/passwd",
        "hide=everything",
        "lesson=6",
        "lang=de",
        "seed=1&seed=2",
        "net=" + "8-" * 9_000,
    ],
)
def test_what_cannot_be_is_one_sentence(text: str) -> None:
    with pytest.raises(GradgaugeError) as caught:
        read(text)
    assert isinstance(caught.value, InvalidValue | UnknownName)
    for lang in ("en", "ko"):
        assert len(caught.value.sentence(lang)) > 10


def test_a_replay_is_not_trained_where_it_cannot_be_written(tmp_path) -> None:
    with pytest.raises(OutputProblem):
        export_replay("net=8x2&act=relu&data=spirals", tmp_path, "en", None)


@given(st.floats(0, 1e300, allow_nan=False))
def test_a_number_reads_back(value: float) -> None:
    assert float(decimal(value)) == value


@pytest.mark.parametrize(
    ("value", "text"), [(1e-3, "1e-3"), (0.9, "0.9"), (400.0, "400"), (2.5e-5, "2.5e-5"), (0, "0")]
)
def test_a_number_is_written_short(value: float, text: str) -> None:
    assert decimal(value) == text
