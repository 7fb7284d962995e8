from __future__ import annotations

import re
import subprocess
import sys

import pytest

from gradgauge.diagnosis.finding import Diagnosis, Finding
from gradgauge.report import notebook
from tests.browser import HANGUL_WITHOUT_A_FONT


@pytest.fixture
def shell():
    from IPython.core.interactiveshell import InteractiveShell

    return InteractiveShell()


def test_a_result_shows_its_table_and_charts(shell, two, monkeypatch):
    monkeypatch.setenv("GRADGAUGE_LANG", "ko")
    assert notebook.register(shell)
    shown = shell.display_formatter.format(two)[0]
    html = shown["text/html"]
    assert html.count("<svg") == 3 and "<table>" in html and 'lang="ko"' in html
    assert not re.search(r'(src|href)="http', html.replace("http://www.w3.org", ""))
    assert "text/plain" in shown


def test_pictures_of_two_cells_do_not_share_ids(two):
    ids = [set(re.findall(r'\bid="([^"]+)"', notebook.comparison_html(two))) for _ in range(2)]
    assert ids[0] and not ids[0] & ids[1]


def test_without_ipython_nothing_happens():
    code = (
        "import sys; from gradgauge.report.notebook import register; "
        "print(register(), 'jax' in sys.modules, 'vl_convert' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False", "False"]


def test_a_run_and_a_diagnosis_show_themselves(shell, two, monkeypatch):
    monkeypatch.setenv("GRADGAUGE_LANG", "en")
    assert notebook.register(shell)
    html = shell.display_formatter.format(two.runs[two.names[0]])[0]["text/html"]
    assert html.count("<svg") == 1
    facts = {"dead": 3, "units": 4}
    found = Finding("dead-units", "fault", "share", "d", 5, 0.75, 0.5, facts=facts)
    html = shell.display_formatter.format(Diagnosis((found,), None))[0]["text/html"]
    assert "3 of 4 units of layer d" in html and 'class="fault"' in html


def test_a_korean_cell_brings_its_font(two, chromium, tmp_path):
    path = tmp_path / "cell.html"
    path.write_text(f"<!doctype html><meta charset=utf-8>{notebook.comparison_html(two, 'ko')}")
    page = chromium.new_page()
    page.goto(path.as_uri())
    assert page.evaluate(HANGUL_WITHOUT_A_FONT) == []
    page.close()
    assert "font-face" not in notebook.comparison_html(two, "en")


def test_a_cell_asks_for_seeds_as_python_does(two):
    for lang in ("en", "ko"):
        assert "--seeds" not in notebook.comparison_html(two, lang)
