"""The page, the picture and the notebook's cell of a trial of remedies."""

from __future__ import annotations

import re

import pytest

from gradgauge.remedies.trial import try_remedies
from gradgauge.remedies.verdicts import NOTHING_TO_REPAIR
from gradgauge.report.charts.remedy import ARMS, CURVES, SIGNALS, RemedyShown
from gradgauge.report.notebook import remedy_html
from gradgauge.report.pages.remedy import remedy_page
from gradgauge.report.remedy_files import remedy_picture, write_remedy_images
from tests.remedies.fakes import FakeTrainer, given, with_remedy


@pytest.fixture(scope="module")
def repaired():
    return try_remedies(FakeTrainer(with_remedy("relu_instead", 0.3)), given())


@pytest.fixture(scope="module")
def undecided():
    return try_remedies(FakeTrainer(lambda _: 0.0), given())


def words(page: str) -> str:
    return re.sub(r"<[^>]+>", "", page)


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_the_page_says_every_arm_the_verdict_and_the_patch(repaired, lang):
    page = words(remedy_page(repaired, lang, "gradgauge remedy sigmoid"))
    assert "gradgauge remedy sigmoid" in page
    assert "kaiming_normal_" in page
    for arm in repaired.arms:
        assert f"{arm.mean:.3f}" in page
    assert not re.search(r"\{\w+\}", page.partition("vega")[0])


def test_arms_are_drawn_with_their_intervals_and_marks(repaired):
    rows = ARMS.data(RemedyShown(repaired))
    confirmed = [arm for arm in repaired.arms if arm.is_confirmed]
    assert [(row["from"], row["to"]) for row in rows] == [a.summary.interval for a in confirmed]
    kinds = [row["kind"] for row in rows]
    assert kinds.count("control") == kinds.count("random-search") == kinds.count("winner") == 1
    assert all(row["low"] <= row["value"] <= row["high"] for row in rows)


def test_curves_and_signals_are_of_the_control_the_winner_and_random_search(repaired):
    shown = RemedyShown(repaired)
    names = [repaired.arms[0].name, repaired.winner, "random search"]
    curves, signals = CURVES.data(shown), SIGNALS.data(shown)
    assert list(dict.fromkeys(row["network"] for row in curves)) == names
    assert list(dict.fromkeys(row["network"] for row in signals)) == names
    scores = [row[-1] for row in repaired.arms[0].outcome.curve]
    assert curves[2]["value"] == pytest.approx(sum(scores) / len(scores))
    assert {row["layer"] for row in signals if row["quantity"] == "signal_spread"} == {1, 2, 3, 4}


def test_where_nothing_is_recommended_there_is_no_patch(undecided):
    page = remedy_page(undecided, "en")
    assert 'id="remedy_patch"' not in page
    assert "winner" not in [row["kind"] for row in ARMS.data(RemedyShown(undecided))]


def test_nothing_to_repair_is_a_page_without_pictures(repaired, tmp_path):
    from dataclasses import replace

    healthy = replace(repaired, arms=[], verdict=NOTHING_TO_REPAIR, winning=None)
    assert remedy_picture(healthy, "en") is None
    assert write_remedy_images(healthy, tmp_path, "en") == []
    assert "nothing to repair" in remedy_page(healthy, "en")


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_the_cell_shows_verdict_picture_table_and_patch(repaired, lang):
    html = remedy_html(repaired, lang)
    assert "<svg" in html and "<table" in html and "<pre" in html
    assert f"{repaired.winning.mean:.3f}" in html


def test_the_picture_is_written_as_png_and_svg(repaired, tmp_path):
    paths = write_remedy_images(repaired, tmp_path, "ko")
    assert [path.name for path in paths] == ["remedy.png", "remedy.svg"]
    assert "무작위 탐색" in paths[1].read_text("utf-8")
