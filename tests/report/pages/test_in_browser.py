"""Report pages as a browser shows them: silent, accessible, as wide as the screen, with buttons
that do what they say."""

from __future__ import annotations

import csv
from typing import Any

import pytest

from gradgauge.report.charts.signal import SIGNAL
from gradgauge.report.images import csv_text
from gradgauge.report.pages.write import write_report
from tests.browser import WIDTHS, Listening, violations

PAGES = [("two", "en"), ("two", "ko"), ("three", "ko"), ("non_finite", "en"), ("zeros", "en")]


@pytest.fixture(scope="module")
def opened(chromium, comparisons, tmp_path_factory):
    """A drawn page, by case, language and width, and who has listened to it."""
    folder, contexts = tmp_path_factory.mktemp("pages"), []

    def open_page(case: str, lang: str, width: int = 1280, **context: Any):
        path = folder / f"{case}-{lang}.html"
        if not path.exists():
            write_report(comparisons(case), path, lang)
        made = chromium.new_context(viewport={"width": width, "height": 900}, **context)
        contexts.append(made)
        page = made.new_page()
        heard = Listening(page)
        page.goto(path.as_uri())
        page.wait_for_selector("html[data-drawn=true]", timeout=60_000)
        return page, heard

    yield open_page
    for made in contexts:
        made.close()


@pytest.mark.parametrize(("case", "lang"), PAGES)
def test_axe_finds_nothing_and_the_console_is_silent(opened, case, lang):
    page, heard = opened(case, lang)
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert violations(page) == []
    assert heard.said == []
    assert heard.asked == []


def test_axe_finds_nothing_in_the_dark(opened):
    page, _ = opened("two", "en", color_scheme="dark")
    assert violations(page) == []


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_wider_than_the_screen(opened, width):
    page, _ = opened("two", "ko", width)
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_slider_moves_both_signals(opened):
    page, heard = opened("two", "en")
    slider = page.locator(".stepper input")
    lines = page.locator(".profile .panel").first.locator("path[stroke]")
    drawn = lambda: [line.get_attribute("d") for line in lines.all()]  # noqa: E731
    before, told = drawn(), page.locator(".stepper output").inner_text()
    assert told == "before training"
    slider.press("End")
    page.wait_for_function(
        "document.querySelector('.stepper output').textContent !== 'before training'"
    )
    page.wait_for_timeout(300)
    assert page.locator(".stepper output").inner_text() == "after 8 steps"
    assert slider.get_attribute("aria-valuetext") == "after 8 steps"
    assert drawn() != before
    assert heard.said == []


@pytest.mark.parametrize("kind", ["png", "svg", "csv"])
def test_a_button_saves_each_kind(opened, comparisons, kind, tmp_path):
    page, heard = opened("two", "en")
    with page.expect_download() as waiting:
        page.locator(f"#signal button[data-kind={kind}]").click()
    assert waiting.value.suggested_filename == f"signal.{kind}"
    path = tmp_path / "file"
    waiting.value.save_as(path)
    content = path.read_bytes()
    if kind == "png":
        assert content.startswith(b"\x89PNG")
    elif kind == "svg":
        assert b">sigmoid</text>" in content
    else:
        ours = csv_text(SIGNAL.data(comparisons("two")))
        numbers, rows = (list(csv.reader(text.splitlines())) for text in (content.decode(), ours))
        assert numbers[0] == rows[0]
        assert len(numbers) == len(rows)
        value = numbers[0].index("value")
        assert [float(row[value]) for row in numbers[1:]] == [float(row[value]) for row in rows[1:]]
    assert heard.said == []


def test_every_chart_can_be_saved(opened):
    page, heard = opened("three", "en")
    for button in page.locator("button[data-kind=svg]").all():
        with page.expect_download():
            button.click()
    assert heard.said == []


def test_nothing_is_left_of_the_controls_on_paper(opened):
    page, _ = opened("two", "en")
    page.emulate_media(media="print")
    assert not page.locator(".downloads").first.is_visible()
    assert not page.locator(".stepper").first.is_visible()
