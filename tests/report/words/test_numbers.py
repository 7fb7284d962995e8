from __future__ import annotations

import math

import pytest

from gradgauge.report.words.numbers import (
    as_powers,
    decades,
    fixed,
    number,
    percent,
    share_points,
    signed_decades,
)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0.2371, "0.237"),
        (1.73e-13, "1.73e-13"),
        (9.14e-3, "0.00914"),
        (1234.5, "1234"),
        (-0.5, "-0.500"),
        (1e20, "1.00e20"),
        (0.0, "0"),
        (math.nan, "NaN"),
        (math.inf, "inf"),
        (-math.inf, "-inf"),
        (None, "–"),
    ],
)
def test_number(value, written):
    assert number(value) == written


def test_decades_have_a_real_minus_sign_and_no_signed_zero():
    assert signed_decades(-6.24) == "−6.2"
    assert signed_decades(0.1) == "+0.1"
    assert signed_decades(-0.04) == "0.0"
    assert signed_decades(-math.inf) == "−∞"
    assert signed_decades(math.nan) == "NaN"
    assert decades(-6.24) == "6.2"


def test_shares():
    assert percent(0.9597) == "96.0%"
    assert percent(math.nan) == "NaN"
    assert share_points(-0.751) == "−75.1"
    assert share_points(0.0001) == "0.0"
    assert fixed(math.nan) == "NaN"
    assert fixed(None) == "–"


def test_powers_of_ten_in_prose_and_nothing_else():
    assert "10<sup>−13</sup>뿐" in as_powers("1.72e-13뿐")
    assert as_powers("1e-8-1").count("<sup>") == 1
    for text in ("784-64x10-10 tanh scale=2", "a1e-3", "gradgauge"):
        assert as_powers(text) == text
