"""The page of `gradgauge why`, and the way to it from a comparison's report."""

from __future__ import annotations

import re

import pytest

from gradgauge.cli.app import run
from gradgauge.report.pages.why import why_page
from gradgauge.report.terminal.why import print_why
from gradgauge.study.why.run import why
from gradgauge.study.why.saved import find_why
from gradgauge.study.why.sentences import verdict_sentences


@pytest.fixture(scope="module")
def experiment(blobs):
    return why(
        "12-16x5-3 sigmoid",
        dataset=blobs,
        optimizers={"adam": 0.02},
        seeds=3,
        epochs=4,
        batch_size=20,
    )


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_it_says_every_arm_and_the_verdict(experiment, lang):
    page = why_page(experiment, lang, "gradgauge why ...")
    text = re.sub(r"<[^>]+>", "", page)
    for arm in experiment.arms:
        assert f"{arm.test_accuracy.mean:.3f}".removeprefix("0") in text
    assert "gradgauge why ..." in text
    assert experiment.network.activations[0] in text
    assert not re.search(r"\{\w+\}|\$\w", text.partition("<script")[0].partition("vega")[0])


def test_the_terminal_fits_into_80_columns(experiment, capsys):
    from rich.console import Console

    print_why(experiment, "en", [], Console(width=80))
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert sum("±.00 " in line for line in lines) == 0


def test_weights_that_contain_the_slopes_repair_are_explained(experiment):
    """The critical weights bring the sigmoid back, too, and are not named: the verdict says why."""
    critical = experiment.of("adam")["weight-scale"]
    said = " ".join(verdict_sentences(experiment, "en"))
    named = "slope" in experiment.causes["adam"] and critical.rescues
    assert ("by a larger factor" in said) == named


def test_the_commands_files_are_found_by_compare(tmp_path, monkeypatch, blobs):
    import numpy as np

    monkeypatch.chdir(tmp_path)
    arrays = {name: getattr(blobs, name) for name in ("x_train", "y_train", "x_test", "y_test")}
    np.savez("blobs.npz", **arrays)
    common = ["--dataset", "blobs.npz", "--epochs", "1", "--batch-size", "50", "--quiet"]
    assert (
        run(["why", "12-8x3-3 sigmoid", *common, "--optimizers", "adam=0.01", "--seeds", "2"]) == 0
    )
    assert run(["compare", "12-8x3-3 sigmoid", "12-8x3-3 relu", *common]) == 0
    report = (tmp_path / "runs" / "compare" / "report.html").read_text("utf-8")
    link = re.search(r'href="(\.\./why/report\.html)"', report)
    assert link
    assert (tmp_path / "runs" / "compare" / link[1]).resolve().is_file()
    assert run(["compare", "12-8x3-3 relu", "12-8x3-3 tanh", *common]) == 0
    assert "../why/" not in (tmp_path / "runs" / "compare" / "report.html").read_text("utf-8")


@pytest.mark.parametrize("content", ["", "[1]", "{}", '{"network": 3}', "\x00"])
def test_a_foreign_file_is_no_way_anywhere(tmp_path, content):
    folder = tmp_path / "why"
    folder.mkdir()
    (folder / "report.html").write_text("page")
    (folder / "why.json").write_text(content)
    assert find_why(tmp_path / "compare", ["12-8x3-3 relu"]) is None
