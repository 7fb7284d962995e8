"""`gradgauge sweep` and `gradgauge chart`: what they print, and their exit codes."""

from __future__ import annotations

import json

import pytest

from gradgauge.cli.app import run
from gradgauge.messages.catalog import LANGUAGES
from gradgauge.study.sweep.store import Store

from ..study.sweep.fakes import fake_plan
from ..study.sweep.test_sweep import write_plan


@pytest.fixture
def plan(tmp_path, blobs):
    return write_plan(tmp_path, blobs, count=2)


def test_a_sweep_its_status_its_table_and_its_chart(plan, tmp_path, capsys):
    out = str(tmp_path / "out")

    assert run(["sweep", str(plan), "--out", out, "--json"]) == 0
    counts = {"cells": 8, "done": 8, "failed": 0, "left": 0}
    assert json.loads(capsys.readouterr().out) == counts
    assert run(["sweep", "--status", out, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == counts
    assert run(["sweep", "--status", out, "--export", str(tmp_path / "t.csv")]) == 0
    assert (tmp_path / "t.csv").read_text().count("\n") == 9
    picture = str(tmp_path / "c.svg")
    assert run(["chart", out, "--x", "scale", "--y", "test_accuracy", "--out", picture]) == 0


def test_a_dry_run_writes_nothing(plan, tmp_path, capsys):
    before = sorted(tmp_path.iterdir())

    assert run(["sweep", str(plan), "--dry-run", "--json"]) == 0

    guess = json.loads(capsys.readouterr().out)
    assert (guess["cells"], guess["compilations"]) == (8, 1)
    assert guess["seconds"] > 0
    assert sorted(tmp_path.iterdir()) == before


def test_cells_that_failed_show_in_the_exit_code(plan, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(
        "gradgauge.study.sweep.run.sweep",
        lambda *a, **k: {"cells": 8, "done": 7, "failed": 1, "left": 0},  # noqa: ARG005
    )
    assert run(["sweep", str(plan), "--out", str(tmp_path / "out")]) == 1
    assert "--retry" in capsys.readouterr().err


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ([], "PLAN.toml"),
        (["nothing.toml"], "nothing.toml"),
        (["{plan}", "--runner", "rya"], "ray"),
        (["{plan}", "--address", "x"], "--address"),
        (["{plan}", "--jobs", "3"], "--jobs"),
        (["{plan}", "--runner", "slurm", "--slurm", "x"], "KEY=VALUE"),
        (["{plan}", "--export", "x.xlsx"], ".parquet"),
        (["{plan}", "--status", "x"], "--status"),
        (["--status", "nothing"], "nothing"),
        (["{plan}", "--out", "{plan}"], "plan.toml"),
        (["{plan}", "--runer", "ray"], "--runner"),
        (["{plan}", "--runner", "ray", "--address", "nowhere"], "nowhere"),
    ],
)
def test_wrong_use_is_one_sentence_and_exit_code_2(plan, tmp_path, capsys, arguments, word, lang):
    filled = [argument.format(plan=plan) for argument in arguments]
    if "--out" not in filled and "--status" not in filled:
        filled += ["--out", str(tmp_path / "out")]

    assert run(["sweep", *filled, "--lang", lang]) == 2

    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert word in printed.err


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_plan_changed_a_grid_too_large_a_network_too_large(plan, tmp_path, capsys, lang):
    out = str(tmp_path / "out")
    text = plan.read_text()
    for old, new, word in (
        ("count = 2", "count = 99999", "--yes"),
        ("width = 8", "width = 9000000", "12-9000000x3-3"),
        ("width = 8", "widht = 8", "width"),
        ("batch_size = 50", "batch_size = 500", "batch_size"),
    ):
        plan.write_text(text.replace(old, new))
        assert run(["sweep", str(plan), "--out", out, "--lang", lang]) == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        assert word in error


def test_a_large_grid_starts_when_told(plan, tmp_path, monkeypatch):
    plan.write_text(plan.read_text().replace("count = 2", "count = 99999"))
    seen = []

    def sweep(plan, *_, **__):
        seen.append(plan.cells)
        return {"cells": 1, "done": 1, "failed": 0, "left": 0}

    monkeypatch.setattr("gradgauge.study.sweep.run.sweep", sweep)

    assert run(["sweep", str(plan), "--out", str(tmp_path / "out"), "--yes", "--quiet"]) == 0
    assert seen == [4 * 99999]


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--x", "scale"], "y"),
        (["--x", "scael", "--y", "test_accuracy"], "scale"),
        (["--x", "scale", "--y", "test_accuracy"], "."),
        (["--x", "scale", "--y", "test_accuracy", "--out", "x.gif"], ".png"),
        (["--x", "scale", "--y", "test_accuracy", "--where", "x"], "FIELD=VALUE"),
    ],
)
def test_wrong_use_of_chart(tmp_path, capsys, arguments, word, lang):
    Store(tmp_path, fake_plan(3), "data", [0] * 3).close()

    assert run(["chart", str(tmp_path), *arguments, "--lang", lang]) == 2

    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert word in error
