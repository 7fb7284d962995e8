"""Material for a class: the sheet holds no answer, the key all of them, figures are the run's."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from gradgauge.cli.app import run
from gradgauge.messages.catalog import LANGUAGES
from gradgauge.report.pages.material import KINDS, material_page
from gradgauge.report.words.exercise import NoChain, exercise
from gradgauge.report.words.numbers import percent
from tests.browser import violations
from tests.report.conftest import without_members


def text_of(page: str) -> str:
    return re.sub(r"<[^>]+>", " ", page.partition("<main>")[2])


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_sheet_asks_and_the_key_answers(two, lang):
    made = exercise(two, lang)
    sheet, key = (text_of(material_page(two, kind, lang)) for kind in ("exercise", "key"))
    assert len(made.questions) == 8
    for name in two.names:
        accuracy = percent(two.test_accuracy(name).mean)
        assert accuracy in key
        assert accuracy not in sheet
    assert not re.search(r"\{\w+\}", sheet + key)


def test_the_products_are_left_to_the_student(two):
    """On the sheet the last column is empty; in the key it ends at what was measured."""
    factors = two.attenuation("sigmoid").decades
    rows = {
        kind: re.findall(r"<tr><th[^>]*>\d+</th>(.*?)</tr>", material_page(two, kind, "en"))
        for kind in ("exercise", "key")
    }
    assert all(row.endswith("<td></td>") for row in rows["exercise"])
    last = float(re.findall(r"<td>([^<]*)</td>$", rows["key"][-1])[0])
    assert last == pytest.approx(10**factors, rel=0.1)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_five_slides(two, lang):
    assert material_page(two, "slides", lang).count('<section class="slide') == 5


@pytest.mark.parametrize("kind", KINDS)
def test_axe_finds_nothing(two, chromium, kind, tmp_path):
    path = tmp_path / f"{kind}.html"
    path.write_text(material_page(two, kind, "ko"), "utf-8")
    page = chromium.new_page(viewport={"width": 375, "height": 800})
    page.goto(path.as_uri())
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    page.close()


def test_without_a_training_there_is_nothing_to_ask(two):
    runs = {name: without_members(run) for name, run in two.runs.items()}
    with pytest.raises(NoChain):
        exercise(replace(two, runs=runs), "en")


def test_the_command_makes_six_pages_of_saved_runs(two, tmp_path, capsys):
    saved = [str(run.save(tmp_path / f"{name}.nc")) for name, run in two.runs.items()]
    out = tmp_path / "class"
    assert run(["lesson", *saved, "--out", str(out)]) == 0
    assert {path.name for path in out.iterdir()} == {
        f"{kind}-{lang}.html" for kind in KINDS for lang in LANGUAGES
    }
    assert capsys.readouterr().out.count(".html") == 6
