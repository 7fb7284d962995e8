"""Numbers in sentences: three digits, whole ones in full, shares as percentages."""

from __future__ import annotations

import math

import pytest

from gradgauge.messages.catalog import sentence
from gradgauge.messages.figure import Figure, Word, signed


@pytest.mark.parametrize(
    ("value", "number", "share"),
    [
        (0.25, "0.25", "25%"),
        (0.9671, "0.967", "96.7%"),
        (0.99996, "1", "99.9%"),
        (1.0, "1", "100%"),
        (0.004, "0.004", "0.4%"),
        (0.0, "0", "0%"),
        (-0.05, "-0.05", "-5%"),
        (2.1e-13, "2.1e-13", "2.1e-13"),
        (12.0, "12", "1,200%"),
        (12345.0, "12,345", "1.23e6%"),
        (12345.6, "12,300", "1.23e6%"),
        (1234567.0, "1.23e6", "1.23e8%"),
        (1e-7, "1e-7", "1e-7"),
        (math.nan, "nan", "nan"),
        (math.inf, "inf", "inf"),
    ],
)
def test_a_figure_writes_itself(value: float, number: str, share: str) -> None:
    figure = Figure(value)
    assert (f"{figure}", str(figure), f"{figure:%}") == (number, number, share)


def test_another_format_is_that_of_a_float() -> None:
    assert f"{Figure(0.5):.2f}" == "0.50"


def test_what_is_no_number_stays_what_it_is_where_a_share_is_asked_for() -> None:
    assert f"{Word('None'):%}, {Word('dense'):>6}" == "None,  dense"


def test_a_sentence_takes_a_word_where_it_asks_for_a_share() -> None:
    facts = {"value": Word("None"), "layer": Word("h1"), "limit": Figure(0.3)}
    said = sentence("diagnosis.finding.update_ratio.high", **facts)
    assert "by None of their norm (limit 30%)" in said


def test_a_sign_is_a_sign():
    assert signed(0.3104) == "+0.310"
    assert signed(-2.0, 1) == "\N{MINUS SIGN}2.0"
