"""The page: whole, offline, and to be read without eyes, too."""

from __future__ import annotations

import itertools
import json
import re
from html.parser import HTMLParser

import pytest

import gradgauge
from gradgauge.errors import OutputProblem
from gradgauge.report.page import page as page_module
from gradgauge.report.page.vega_bundle import vega_bundle
from gradgauge.report.pages import write as html_report
from gradgauge.report.pages.write import report_page, write_report
from gradgauge.study.compare.result import Comparison
from tests.report.conftest import LANGUAGES

VOID = {"meta", "link", "br", "hr", "img", "input", "path"}


class Page(HTMLParser):
    """The page's elements, and whether they are nested as they should be."""

    def __init__(self, text: str):
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        assert self.open.pop() == tag, f"</{tag}> closes another element"

    def handle_data(self, data):
        if self.open and self.open[-1] == "script":
            self.scripts.append((self.elements[-1][1], data))
        elif self.open and self.open[-1] != "style":
            self.text.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(params=LANGUAGES)
def lang(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def page(comparison: Comparison, lang: str) -> Page:
    text = report_page(comparison, lang)
    assert text.startswith("<!DOCTYPE html>")
    return Page(text)


def test_every_case_is_a_sound_page(page, lang):
    assert page.open == []
    ids = [attributes["id"] for _, attributes in page.elements if attributes.get("id")]
    assert len(ids) == len(set(ids))
    assert page.all("html")[0]["lang"] == lang
    assert "width=device-width" in (page.all("meta")[1]["content"] or "")
    text = " ".join(page.text)
    assert not re.search(r"\$\w|\{\w+\}|report\.\w+\.|None\b(?!,)", text)


def test_landmarks_headings_and_names(page):
    for landmark in ("header", "nav", "main", "footer"):
        assert len(page.all(landmark)) == 1, landmark
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(b - a <= 1 for a, b in itertools.pairwise(levels))
    ids = {attributes.get("id") for _, attributes in page.elements}
    for section in page.all("section"):
        assert section["aria-labelledby"] in ids
    for link in page.all("a"):
        assert link["href"].startswith("#") and link["href"][1:] in ids
    pictures = [a for a in page.all("div") if a.get("role") == "img"]
    assert len([p for p in pictures if p["class"] == "panels"]) == 6
    assert all(len(p["aria-label"]) > 20 for p in pictures)
    for box in page.all("div"):
        if box.get("class") == "scroll":
            assert box["tabindex"] == "0" and box["role"] == "group" and box["aria-label"]
    assert all(head.get("scope") for head in page.all("th"))


def test_no_address_is_loaded(page):
    for tag, attributes in page.elements:
        for name in ("src", "href", "action", "data", "poster", "srcset"):
            value = attributes.get(name)
            assert value is None or value.startswith(("#", "data:")), (tag, name, value)


def test_styles_load_nothing_from_elsewhere(two):
    text = report_page(two, "ko")
    styles = re.search(r"<style>(.*?)</style>", text, re.DOTALL)[1]
    assert "@import" not in styles
    assert all(u.startswith("data:") for u in re.findall(r"url\(([^)]*)\)", styles))
    script = page_module._text("page.js")
    assert not re.search(r"fetch|XMLHttpRequest|https?:|import\(", script)


def test_specs_are_json_without_a_way_out_of_the_script(page):
    specs = [text for attributes, text in page.scripts if attributes.get("type")]
    assert len(specs) == 7
    for text in specs:
        assert json.loads(text)
        assert "</" not in text


def test_every_chart_has_its_figures_as_a_table(two):
    text = report_page(two, "en")
    assert text.count('<details class="chart-data">') == 6
    assert 'colspan="2"' in text


def test_korean_carries_its_font_and_english_does_not(two):
    assert "font/woff2;base64" in report_page(two, "ko")
    assert "font/woff2;base64" not in report_page(two, "en")


def test_a_name_cannot_break_the_page(two):
    evil = "<script>alert(1)</script>"
    renamed = {evil: two.runs["relu"]}
    networks = {evil: two.networks["relu"]}
    case = Comparison(two.spec, networks, renamed, two.dataset, two.seconds)
    text = report_page(case, "en")
    assert evil not in text
    Page(text)


def test_the_command_and_the_versions_are_there(two):
    text = report_page(two, "en")
    assert "gradgauge compare relu sigmoid --depth 4" in text
    assert gradgauge.__version__ in text


def test_it_is_written_whole_or_not_at_all(two, tmp_path, monkeypatch):
    path = write_report(two, tmp_path / "deep" / "report.html", "en")
    assert path.read_text(encoding="utf-8").endswith("</html>\n")
    assert [p.name for p in path.parent.iterdir()] == ["report.html"]
    with pytest.raises(OutputProblem):
        write_report(two, path / "below-a-file.html")

    def fail(*_: object) -> str:
        raise ZeroDivisionError

    monkeypatch.setattr(html_report, "headline", fail)
    with pytest.raises(ZeroDivisionError):
        write_report(two, tmp_path / "other.html")
    assert not (tmp_path / "other.html").exists()


def test_the_bundle_is_the_one_that_vl_convert_draws_with():
    import vl_convert

    bundle = vega_bundle()
    assert "vegaEmbed" in bundle and "</script" not in bundle and "<!--" not in bundle
    major = vl_convert.get_vega_version().partition(".")[0]
    assert f"Vega {major}." in (page_module._FOLDER / "vega" / "LICENSE.txt").read_text("utf-8")
