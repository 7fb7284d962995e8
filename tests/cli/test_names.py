"""What the shell's tab key offers."""

from __future__ import annotations

import os
import subprocess
import sys

import click
import pytest

from gradgauge.cli.app import COMMANDS, application, run
from gradgauge.cli.names import Name
from gradgauge.datasets import NAMES
from gradgauge.diagnosis.rules import RULES
from gradgauge.parts.activations import ACTIVATIONS
from gradgauge.parts.losses import LOSSES
from gradgauge.parts.optimizers import OPTIMIZERS
from gradgauge.report.charts import CHARTS
from gradgauge.spec.presets import PRESETS


def offered(command: str, parameter: str, begun: str = "") -> tuple[list[str], bool]:
    """Names that begin so, and whether files are offered, too."""
    group = application()
    found = group.get_command(click.Context(group), command)
    assert found is not None
    context = click.Context(found)
    param = next(p for p in found.params if p.name == parameter)
    items = param.shell_complete(context, begun)
    plain = [item.value for item in items if item.type == "plain"]
    return plain, any(item.type == "file" for item in items)


@pytest.mark.parametrize(
    ("command", "parameter", "names", "files"),
    [
        ("compare", "networks", ACTIVATIONS, False),
        ("compare", "preset", PRESETS, False),
        ("compare", "dataset", NAMES, True),
        ("compare", "optimizer", OPTIMIZERS, False),
        ("compare", "loss", LOSSES, False),
        ("compare", "schedule", ("constant", "cosine"), False),
        ("compare", "dtype", ("float32", "float64"), False),
        ("compare", "lang", ("en", "ko"), False),
        ("why", "network", ACTIVATIONS, False),
        ("theory", "subject", ACTIVATIONS, False),
        ("theory", "optimizer", OPTIMIZERS, False),
        ("remedy", "target", ACTIVATIONS, True),
        ("remedy", "dataset", NAMES, True),
        ("diagnose", "model", (), True),
        ("sweep", "plan", (), True),
        ("report", "paths", (), True),
        ("report", "chart", [chart.name for chart in CHARTS], False),
        ("lesson", "paths", (), True),
        ("explain", "rule", [rule.name for rule in RULES], False),
        ("list", "what", ("activations", "presets", "datasets"), False),
    ],
)
def test_every_name_is_offered(command, parameter, names, files):
    found, has_files = offered(command, parameter)
    assert set(names) <= set(found)
    assert has_files is files


def test_what_is_begun_is_finished():
    assert offered("compare", "networks", "Le")[0] == ["leaky_relu"]
    assert offered("compare", "dataset", "mn") == (["mnist"], True)


def test_no_argument_is_left_without_help():
    group = application()
    for name in COMMANDS:
        command = group.get_command(click.Context(group), name)
        for param in command.params:
            if isinstance(param, click.Argument):
                assert param.make_metavar(click.Context(command)).strip("[].") in command.help
            elif isinstance(param.type, Name):
                assert param.get_help_record(click.Context(command))[1]


def test_the_shell_gets_its_answer(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "gradgauge"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={
            **os.environ,
            "_GRADGAUGE_COMPLETE": "bash_complete",
            "COMP_WORDS": "gradgauge compare relu --optimizer adamw",
            "COMP_CWORD": "4",
        },
    )
    assert done.stdout.split() == ["plain,adamw", "plain,adamw_torch"]


@pytest.mark.parametrize("short", [("-q", "--quiet"), ("-o", "--out")])
def test_short_names_are_the_same_options(short, capsys):
    assert run(["compare", "--help"]) == 0
    assert f"{short[0]}, {short[1]}" in capsys.readouterr().out
