"""Help pages: a language is chosen anew by every call, and click is left as it was."""

from __future__ import annotations

import re
import subprocess
import sys

import click
import pytest

from gradgauge.cli.app import COMMANDS, run
from gradgauge.datasets import NAMES
from gradgauge.messages.catalog import Catalog


def page(command: str, lang: str, capsys) -> str:
    assert run([command, "--help", "--lang", lang]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("command", ["compare", "theory", "sweep"])
def test_two_languages_in_one_process(command, capsys):
    english, korean = page(command, "en", capsys), page(command, "ko", capsys)
    assert page(command, "en", capsys) == english
    for lang, shown, other in (("en", english, korean), ("ko", korean, english)):
        word = Catalog(lang)("help.option.lang").split()[0]
        assert word in shown
        assert word not in other


@pytest.mark.parametrize("command", COMMANDS)
def test_nothing_is_said_in_another_language(command, capsys):
    """No sentence of the English page but for names and examples stands in the Korean one."""
    english, korean = (page(command, lang, capsys).splitlines() for lang in ("en", "ko"))
    shared = {line.strip() for line in english} & {line.strip() for line in korean}
    assert not [line for line in shared if line.endswith(".") and " " in line]


def test_options_of_one_mode_stand_under_their_heading(capsys):
    for lang in ("en", "ko"):
        shown = page("theory", lang, capsys)
        headings = [
            Catalog(lang)(f"help.heading.{h}") for h in ("options", "experiment", "quantity")
        ]
        places = [shown.index(f"\n{heading}:") for heading in headings]
        assert places == sorted(places)
        assert places[1] < shown.index("--depths") < places[2] < shown.index("--strength")
        assert shown.index("--critical") < places[1]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_value_is_not_called_as_its_option(command, capsys):
    """`--rates RATES` says nothing; HOST, CHART and the like would, too."""
    for line in page(command, "en", capsys).splitlines():
        found = re.match(r"  (?:-\w, )?--([\w-]+) ([A-Z_]+)(?:  |$)", line)
        if found and found[1] not in ("host", "address"):
            assert found[1].replace("-", "_").upper() != found[2], line


def test_other_programs_of_click_keep_their_help(capsys):
    page("compare", "ko", capsys)
    assert click.Context.formatter_class is click.HelpFormatter

    @click.command
    def theirs() -> None:
        """Somebody else's."""

    assert theirs.get_help(click.Context(theirs)).startswith("Usage:")


ALONE = """
import sys
from gradgauge.cli.app import run
assert run(sys.argv[1:]) == 0
heavy = {"numpy", "scipy", "jax", "rich"} & set(sys.modules)
assert not heavy, heavy
"""


@pytest.mark.parametrize("arguments", [["--help"], ["remedy", "--help"], ["theory", "--help"]])
def test_help_imports_nothing_heavy(arguments):
    subprocess.run([sys.executable, "-c", ALONE, *arguments], check=True, capture_output=True)


def test_every_dataset_is_listed_with_its_source(capsys):
    assert run(["list", "datasets", "--lang", "en"]) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert list(lines) == list(NAMES)
    assert "LeCun" in lines["mnist"]
    assert "LeCun" not in lines["digits"] + lines["spirals"] + lines["blobs"]
