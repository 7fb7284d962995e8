"""Help for those who type little, and the commands that the documents print."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from gradgauge.cli.app import COMMANDS, application, run
from gradgauge.cli.examples import EXAMPLES

ROOT = Path(__file__).parents[2]
READMES = ("README.md", "README.ko.md")
_VARIABLES = ("GRADGAUGE_LANG", "LC_ALL", "LC_MESSAGES", "LANG")


@pytest.fixture(autouse=True)
def english(monkeypatch):
    for variable in _VARIABLES:
        monkeypatch.delenv(variable, raising=False)


def printed_commands() -> list[str]:
    """Every `gradgauge ...` line of both READMEs: in blocks, in code spans, in tables."""
    found = []
    for name in READMES:
        text = (ROOT / name).read_text("utf-8")
        found += re.findall(r"`(gradgauge [^`]+)`", text)
        found += re.findall(r"^(gradgauge [^\n]+)$", text, re.MULTILINE)
    return sorted({line for line in found if "[" not in line})


def arguments_of(line: str) -> list[str]:
    return shlex.split(line)[1:]


@pytest.mark.parametrize("line", printed_commands())
def test_what_the_readme_prints_is_understood(line):
    """Every command and option exists; values are checked when the command runs."""
    check(arguments_of(line))


@pytest.mark.parametrize("line", sorted({x for lines in EXAMPLES.values() for x in lines}))
def test_what_help_begins_with_is_understood(line):
    check(arguments_of(line))


def check(arguments: list[str]) -> None:
    name, *rest = arguments
    command = application().get_command(click.Context(application()), name)
    assert command is not None
    if "--help" not in rest:
        command.make_context(name, rest, resilient_parsing=True)


def test_every_command_has_examples():
    assert set(EXAMPLES) == set(COMMANDS)


@pytest.mark.parametrize("arguments", [[], ["--help"], ["help"]])
def test_alone_it_shows_its_help_on_stdout(arguments, capsys):
    assert run(arguments) == 0
    out = capsys.readouterr()
    assert "Commands:" in out.out
    assert out.err == ""


def test_help_of_a_command_by_its_name(capsys):
    assert run(["help", "compare"]) == 0
    shown = capsys.readouterr().out
    assert shown.index("gradgauge compare relu sigmoid") < shown.index("--depth")


def test_the_short_version(capsys):
    assert run(["-V"]) == 0
    assert "gradgauge" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("variables", "heading"),
    [
        ({"LANG": "ko_KR.UTF-8"}, "명령"),
        ({"LANG": "ko_KR.UTF-8", "LC_ALL": "en_US.UTF-8"}, "Commands"),
        ({"LANG": "ko_KR.UTF-8", "GRADGAUGE_LANG": "en"}, "Commands"),
        ({"LANG": "de_DE.UTF-8"}, "Commands"),
        ({"LANG": "C"}, "Commands"),
    ],
)
def test_the_systems_language_is_respected(variables, heading, monkeypatch, capsys):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert run([]) == 0
    assert f"{heading}:" in capsys.readouterr().out


def test_python_dash_m_works_from_any_folder(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "gradgauge", "list", "activations"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "GRADGAUGE_LANG": "en"},
    )
    assert done.returncode == 0
    assert "relu" in done.stdout


def test_the_readmes_first_command_in_an_empty_folder(tmp_path):
    """As printed, but for two epochs' worth of patience: the figures are tested elsewhere."""
    line = "gradgauge compare relu sigmoid"
    assert line in (ROOT / "README.md").read_text("utf-8")
    done = subprocess.run(
        [sys.executable, "-m", *shlex.split(line), "--epochs", "1"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "GRADGAUGE_LANG": "en"},
    )
    assert done.returncode == 0, done.stderr
    assert "of the error signal reaches the first layer" in " ".join(done.stdout.split())
    assert (tmp_path / "runs" / "compare" / "report.html").is_file()


@pytest.mark.parametrize("arguments", [["--help"], ["chart", "--help"]])
def test_a_help_page_in_korean_has_no_words_of_click_left(arguments, monkeypatch, capsys):
    monkeypatch.setenv("GRADGAUGE_LANG", "ko")
    assert run(arguments) == 0
    shown = capsys.readouterr().out
    for word in ("Show ", "[OPTIONS]", "[ARGS]", "[required]", "Usage", "Options"):
        assert word not in shown
