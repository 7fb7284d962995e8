"""Every kind of page, on a telephone, a tablet and a screen, in both languages: axe-core finds
nothing, nothing is wider than the screen, the console is silent, nothing is asked of a network."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gradgauge.diagnosis.recorded import diagnose_run
from gradgauge.messages.catalog import LANGUAGES
from gradgauge.remedies.trial import try_remedies
from gradgauge.report.charts.study import study_chart
from gradgauge.report.page.picture_page import picture_page
from gradgauge.report.pages.diagnosis import diagnosis_page
from gradgauge.report.pages.material import KINDS, material_page
from gradgauge.report.pages.remedy import remedy_page
from gradgauge.report.pages.watched import watched_page
from gradgauge.report.pages.why import why_page
from gradgauge.report.pages.write import report_page
from gradgauge.study.why.run import why
from tests.browser import HANGUL_WITHOUT_A_FONT, WIDTHS, Listening, violations
from tests.remedies.fakes import FakeTrainer, given, with_remedy
from tests.report.charts.test_study_chart import one_map, study  # noqa: F401
from tests.report.pages.test_watched import recorded

DRAWN = ("comparison", "watched", "odd names", "study", "why", "remedy")
"""Kinds of pages that a script draws upon; the others are text alone."""

PAGES = (*DRAWN, "diagnosis", *KINDS)


@pytest.fixture(scope="module")
def experiment(blobs):
    """A `why` of two arms' worth of patience."""
    options = {"seeds": 2, "epochs": 1, "batch_size": 20}
    return why("12-8x3-3 sigmoid", dataset=blobs, optimizers={"adam": 0.02}, **options)


@pytest.fixture(scope="module")
def repaired():
    """A trial of remedies that one of them wins."""
    return try_remedies(FakeTrainer(with_remedy("relu_instead", 0.3)), given())


@pytest.fixture
def text_of(comparisons, experiment, repaired, study) -> Callable[[str, str], str]:  # noqa: F811
    """A kind of page in a language."""

    def text(kind: str, lang: str) -> str:
        if kind == "comparison":
            return report_page(comparisons("two"), lang)
        if kind == "watched":
            return watched_page(recorded("plain"), lang)
        if kind == "odd names":
            return watched_page(recorded("odd_names"), lang)
        if kind == "diagnosis":
            return diagnosis_page(diagnose_run(recorded("diverged")), "watch.nc", lang)
        if kind == "study":
            return picture_page(study_chart(one_map(study), lang), lang)
        if kind == "why":
            return why_page(experiment, lang, "gradgauge why sigmoid")
        if kind == "remedy":
            return remedy_page(repaired, lang, "gradgauge remedy sigmoid")
        return material_page(comparisons("two"), kind, lang)

    return text


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("kind", PAGES)
def test_it_is_for_everybody(text_of, chromium, kind, lang, tmp_path):
    path = tmp_path / "page.html"
    path.write_text(text_of(kind, lang), "utf-8")
    page = chromium.new_page(viewport={"width": WIDTHS[0], "height": 900})
    heard = Listening(page)
    page.goto(path.as_uri())
    if kind in DRAWN:
        page.wait_for_selector("html[data-drawn=true]", timeout=60_000)
    assert page.evaluate("document.documentElement.lang") == lang
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(400)  # The page redraws itself a moment after its width changed.
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert violations(page) == []
    assert page.evaluate(HANGUL_WITHOUT_A_FONT) == []
    assert heard.said == []
    assert heard.asked == []
    page.close()


def test_a_figure_stays_with_its_name(comparisons):
    """A headline is broken between networks, not between a name and its figure."""
    text = report_page(comparisons("two"), "ko")
    headline = text.partition('<h1 id="result">')[2].partition("</h1>")[0]
    assert headline.count("&nbsp;") == 2
