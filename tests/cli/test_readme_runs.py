"""Every command that the READMEs print, run as printed, one after the other in an empty folder.

What a reader has beside it is put there: the examples of a clone, and a model and data of his own.
Trainings are short: MNIST has 2,000 images here.
"""

from __future__ import annotations

import re
import shlex
import shutil
import textwrap
from pathlib import Path

import numpy as np
import pytest

from gradgauge.cli.app import run
from gradgauge.datasets import mnist

ROOT = Path(__file__).parents[2]
READMES = ("README.md", "README.ko.md")
_MODELS = """
from gradgauge.practical import make_model_relu, make_model_sig

def compiled(model):
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model

def make_relu():
    return compiled(make_model_relu())

def make_sig():
    return compiled(make_model_sig())
"""
_ELSEWHERE = ("gradgauge play",)
"""It ends with Ctrl-C alone: tests/play has it."""

_SMALLER = {"gradgauge remedy": ["--depth", "1", "--width", "8", "--epochs", "1"]}
"""Command -> options with which it is run instead: of a trial its diagnosis alone, for a network
that has nothing to repair; tests/remedies have the others."""

_MAKES = {
    "compare": ("runs/compare/report.html",),
    "why": ("runs/why/report.html",),
    "report": ("fig.pdf",),
    "remedy": ("runs/remedy/report.html",),
    "lesson": ("runs/lesson/slides-ko.html",),
}
"""Command -> files that it leaves."""

_ANSWERS = ("diagnose",)
"""Commands whose exit code is a finding's."""


def text_of(readme: str) -> str:
    return (ROOT / readme).read_text("utf-8")


def commands(readme: str) -> list[str]:
    """In the order in which they are printed; what stands in brackets may be left out."""
    found = re.findall(r"^(gradgauge .+)$|`(gradgauge [^`]+)`", text_of(readme), re.MULTILINE)
    plain = (re.sub(r" \[.*?\]", "", block or span) for block, span in found)
    return [line for line in dict.fromkeys(plain) if not line.startswith(_ELSEWHERE)]


def blocks(readme: str, kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", text_of(readme), re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """What a reader has."""
    import keras

    made = tmp_path_factory.mktemp("empty")
    shutil.copytree(ROOT / "examples", made / "examples")
    (made / "my_models.py").write_text(_MODELS)
    from gradgauge.practical import make_model_relu

    model = make_model_relu()
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
    model.save(made / "model.keras")
    assert keras.backend.backend() == "jax"
    data = mnist.load()
    np.savez(
        made / "data.npz",
        x_train=data.x_train[:800].reshape(-1, 28, 28) / 255,
        y_train=data.y_train[:800],
        x_test=data.x_test[:100].reshape(-1, 28, 28) / 255,
        y_test=data.y_test[:100],
    )
    return made


@pytest.fixture(autouse=True)
def reader(folder, monkeypatch, tmp_path):
    monkeypatch.chdir(folder)
    small = mnist.load().first(2_000, 500)
    monkeypatch.setattr(mnist, "load", lambda: small)
    monkeypatch.setenv("GRADGAUGE_LANG", "en")
    monkeypatch.setenv("GRADGAUGE_CACHE", str(tmp_path / "cache"))


def without_language(line: str) -> str:
    return re.sub(r" --lang \w+", "", line)


def of_both() -> list[str]:
    """Those of both, once each: the Korean one prints the same ones with `--lang ko`."""
    lines = [*commands(READMES[0]), *commands(READMES[1])]
    return list({without_language(line): line for line in lines}.values())


@pytest.mark.parametrize("line", of_both())
def test_a_command_runs_as_printed(line, capsys):
    name, *rest = shlex.split(line)[1:]
    smaller = _SMALLER.get(f"gradgauge {name}", [])
    code = run([name, *rest, *smaller])
    said = capsys.readouterr()
    assert code in ((0, 1) if name in _ANSWERS else (0,)), said.err
    assert "Traceback" not in said.err
    for made in _MAKES.get(name, ()):
        assert Path(made).stat().st_size > 1_000


@pytest.mark.parametrize("readme", READMES)
def test_both_languages_print_the_same(readme):
    """The same commands but for `--lang`, and the same Python but for comments."""

    def of(name: str) -> set[str]:
        return set(map(without_language, commands(name)))

    assert of(readme) == of(READMES[0])

    def code(name: str) -> str:
        (block,) = blocks(name, "python")
        return textwrap.dedent(re.sub(r"\s*#.*|, \"ko\"", "", block))

    assert code(readme) == code(READMES[0])
