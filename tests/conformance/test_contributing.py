"""CONTRIBUTING's five steps, followed as they are printed, in a copy of the repository."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.conftest import FOLDER

ROOT = Path(__file__).parents[2]
STEPS = "## A gauge in five steps"
NAME = "z_kurtosis"
_COPIED = ("src", "tests", "docs", "pyproject.toml")
_BLOCK = re.compile(r"^ *```(python|diff) (\S+)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


def blocks() -> list[tuple[str, str, str]]:
    """What the steps print: language, file, text."""
    page = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    section = page.split(STEPS)[1].split("\n## ")[0]
    # All blocks stand three spaces in, as parts of a list.
    return [
        (language, path, re.sub("^ {3}", "", text, flags=re.MULTILINE))
        for language, path, text in _BLOCK.findall(section)
    ]


def follow(language: str, path: Path, text: str) -> None:
    """Write a file, or put a diff's new line behind the one line that it shows before."""
    if language == "python":
        assert not path.exists()
        path.write_text(text, "utf-8")
        return
    before, added = text.splitlines()
    assert (before[0], added[0]) == (" ", "+")
    start = before[1:].removesuffix("...")
    lines = path.read_text("utf-8").splitlines()
    (place,) = (i for i, line in enumerate(lines) if line.startswith(start))
    lines.insert(place + 1, added[1:])
    path.write_text("\n".join(lines) + "\n", "utf-8")


@pytest.fixture(scope="module")
def copy() -> Path:
    """The repository as it is after the five steps."""
    root = FOLDER / "contributed"
    for name in _COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, root / name)
    for language, path, text in blocks():
        follow(language, root / path, text)
    return root


def python(copy: Path, *arguments: str) -> str:
    """What a Python process prints that has the copy's package."""
    kept = {name: v for name, v in os.environ.items() if not name.startswith("PYTEST_")}
    del kept["GRADGAUGE_TEST_FOLDER"]
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=copy,
        env=kept | {"PYTHONPATH": str(copy / "src"), "GRADGAUGE_LANG": "en"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_steps_print_what_they_ask_for() -> None:
    assert [language for language, _, _ in blocks()] == ["python", *["diff"] * 6, "python"]


_READ = """
import json, sys
import numpy as np
import gradgauge as gg
for path in sys.argv[1:]:
    run = gg.Run.load(path)
    values = run.values("probes", "z_kurtosis")
    assert np.isfinite(values[..., :-1]).all() and np.isnan(values[..., -1]).all()
    print(run.probes["z_kurtosis"].attrs["long_name"])
"""


def test_the_commands_have_the_gauge(copy: Path, tmp_path: Path) -> None:
    """In the JSON of `compare`, in the Run that it saves, and in a sweep's outcomes."""
    options = ["--data", "blobs", "--depth", "3", "--width", "8", "--epochs", "1"]
    command = ["compare", "relu", "sigmoid", *options, "--json", "--out", str(tmp_path)]
    shown = json.loads(python(copy, "-m", "gradgauge", *command))
    for network in shown["networks"]:
        *hidden, output = network["layers"]
        for moment in ("first", "last"):
            assert all(isinstance(layer[moment][NAME], float) for layer in hidden)
            assert output[moment][NAME] is None
    assert len(shown["runs"]) == 2
    names = python(copy, "-c", textwrap.dedent(_READ), *shown["runs"]).split("\n")
    assert names[:2] == ["excess kurtosis of the pre-activation"] * 2


def test_what_holds_for_every_gauge_holds_for_it(copy: Path) -> None:
    """The new test, the conformance tests and the catalogue's, in the copy itself."""
    new, *_ = (path for _, path, _ in blocks() if path.startswith("tests/"))
    tests = [new, "tests/conformance/test_gauges.py", "tests/messages/test_catalog.py"]
    named = "tests/test_public.py::test_every_variable_and_axis_of_a_run_has_a_long_name_and_a_unit"
    python(copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests, named)


def test_the_printed_code_is_in_the_projects_style(copy: Path) -> None:
    files = [str(copy / path) for _, path, _ in blocks() if path.endswith(".py")]
    python(copy, "-m", "ruff", "check", "--no-cache", *files)
    python(copy, "-m", "ruff", "format", "--check", "--no-cache", *files)
