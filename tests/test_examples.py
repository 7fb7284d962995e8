"""Every notebook and script in `examples/` runs, short; both languages hold the same code."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

EXAMPLES = Path(__file__).parents[1] / "examples"
NOTEBOOKS = sorted(EXAMPLES.glob("*.ipynb"))
SCRIPTS = sorted(EXAMPLES.glob("*.py"))
PAIRS = [
    (path, path.with_stem(path.stem.removesuffix("_en") + "_ko"))
    for path in NOTEBOOKS
    if path.stem.endswith("_en")
]
SECONDS_A_CELL = 300
SHOWN = {"practical": ("accuracy_relu: 0.", "accuracy_sig: 0.", "slope_decades")}
"""What a notebook's outputs must hold, by its name without the language."""


def name(path: Path) -> str:
    return path.name


def read(path: Path) -> nbformat.NotebookNode:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    return notebook


def code_of(path: Path) -> list[str]:
    return [cell.source for cell in read(path).cells if cell.cell_type == "code"]


def outputs(notebook: nbformat.NotebookNode) -> str:
    """All that the cells printed or showed as text."""
    shown = [o for cell in notebook.cells if cell.cell_type == "code" for o in cell.outputs]
    return "\n".join(o.get("text") or o.get("data", {}).get("text/plain", "") for o in shown)


def test_there_are_examples():
    assert PAIRS
    assert set(NOTEBOOKS) >= {ko for _, ko in PAIRS}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name)
@pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)
def test_notebook_runs(path, monkeypatch, tmp_path):
    monkeypatch.setenv("GRADGAUGE_EXAMPLES", "short")
    monkeypatch.delenv("GRADGAUGE_LANG", raising=False)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    notebook = read(path)
    place = {"metadata": {"path": str(tmp_path)}}
    client = NotebookClient(
        notebook, timeout=SECONDS_A_CELL, resources=place, kernel_name="python3"
    )
    client.execute()
    shown = outputs(notebook)
    for expected in SHOWN.get(path.stem.rpartition("_")[0], ()):
        assert expected in shown


def test_scripts_run(tmp_path):
    environment = os.environ | {"GRADGAUGE_EXAMPLES": "short"}
    for path in SCRIPTS:
        done = subprocess.run(
            [sys.executable, path],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            encoding="utf-8",
        )
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name)
def test_stored_outputs_are_of_one_run_and_tell_nothing_of_the_machine(path):
    """`python -m tests.notebooks` stores them: text, tables and one picture."""
    cells = [cell for cell in read(path).cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    shown = [output for cell in cells for output in cell.outputs]
    assert sum("image/png" in output.get("data", {}) for output in shown) == 1
    assert all(output.get("name") != "stderr" for output in shown)
    for output in shown:
        output.get("data", {}).pop("image/png", None)
    text = "\n".join(map(str, shown))
    assert re.search(r"/(home|root|tmp|usr|work|Users)/|\b20\d\d-\d\d|\\x1b", text) is None
    assert path.stat().st_size < 500_000


@pytest.mark.parametrize(("english", "korean"), PAIRS, ids=lambda path: path.name)
def test_both_languages_hold_the_same_code(english, korean):
    def plain(path: Path, lang: str) -> list[str]:
        return [source.replace(f'"{lang}"', "LANG") for source in code_of(path)]

    assert plain(english, "en") == plain(korean, "ko")
    kinds = [[cell.cell_type for cell in read(path).cells] for path in (english, korean)]
    assert kinds[0] == kinds[1]


@pytest.mark.parametrize("path", [ko for _, ko in PAIRS], ids=name)
def test_the_korean_notebook_is_korean(path):
    for cell in read(path).cells:
        if cell.cell_type == "markdown":
            assert re.search("[가-힣]", cell.source), cell.source


def test_every_example_is_listed():
    listed = (EXAMPLES / "README.md").read_text("utf-8")
    assert [path.name for path in (*NOTEBOOKS, *SCRIPTS) if path.name not in listed] == []
