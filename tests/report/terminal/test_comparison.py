from __future__ import annotations

import io
import re

import pytest
from rich.cells import cell_len
from rich.console import Console

from gradgauge.report.terminal.comparison import print_comparison
from gradgauge.study.compare.artifacts import NOTHING_WRITTEN, Artifacts
from tests.report.conftest import LANGUAGES


def printed(comparison, lang="en", width=80, artifacts=NOTHING_WRITTEN, **options) -> str:
    out = io.StringIO()
    console = Console(file=out, width=width, highlight=False, **options)
    print_comparison(comparison, lang, console, artifacts)
    return out.getvalue()


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_case_fits_eighty_columns_without_colors(comparison, lang):
    text = printed(comparison, lang)
    assert "\x1b" not in text and "{" not in text and "…" not in text
    assert max(cell_len(line.rstrip()) for line in text.splitlines()) <= 80


def test_structures_show_every_layer_and_the_total(two):
    text = printed(two)
    assert "2–4 relu" in text and "3 × 72" in text
    assert f"{two.networks['relu'].parameters:,}" in text


def test_two_networks_stand_side_by_side(two):
    assert re.search(r"^relu +sigmoid *$", printed(two), re.MULTILINE)


def test_the_figures_are_there(two):
    text = printed(two)
    accuracy = two.test_accuracy("relu")
    assert f"{accuracy.mean:.4f}" in text
    for value in two.history["sigmoid"].history["loss"]:
        assert f"{value:.4f}" in text
    assert "decades" in text


def test_each_layer_has_both_signals(two):
    text = printed(two)
    start = text.index("Error signal (")
    rows = re.findall(r"^(\d+) ", text[start:], re.MULTILINE)
    assert rows == ["1", "2", "3", "4", "5"]


def test_depth_beyond_a_screen_is_summarized(comparisons):
    text = printed(comparisons("deep"))
    assert "12 of 151 layers are shown" in text
    assert "\n151 " in text


def test_regression_has_no_accuracy(comparisons):
    assert "accuracy" not in printed(comparisons("regression"))


def test_what_was_not_finite_is_named(comparisons):
    text = printed(comparisons("non_finite"))
    assert "non-finite at step" in " ".join(text.split())
    assert "NaN" in text


def test_an_interrupted_comparison_says_so(comparisons):
    text = " ".join(printed(comparisons("cut_off")).split())
    assert "Stopped by Ctrl-C" in text


def test_paths_are_not_broken(two):
    text = printed(two, artifacts=Artifacts("a/" * 60 + "report.html", ("x.nc",)))
    assert "a/" * 60 + "report.html" in text


def test_a_terminal_gets_bold_headings(two):
    assert "\x1b[1m" in printed(two, force_terminal=True, color_system="standard")
