"""Saved Runs make the comparison that they come from."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from gradgauge.report.pages.write import report_page
from gradgauge.report.terminal.comparison import print_comparison
from gradgauge.run import Run
from gradgauge.spec.comparison import read_comparison
from gradgauge.study.compare.run import run_comparison
from gradgauge.study.compare.saved import RunsDoNotFit, comparison_of, load_comparison

OPTIONS = {"depth": 3, "width": 6, "epochs": 2, "batch_size": 50, "seeds": 2}


@pytest.fixture(scope="module")
def trained(blobs):
    return run_comparison(read_comparison(("relu", "sigmoid"), **OPTIONS), blobs)


@pytest.fixture
def files(trained, tmp_path):
    return [run.save(tmp_path / f"{name}.nc") for name, run in trained.runs.items()]


@pytest.fixture
def comparisons_of(trained):
    """The command of a comparison of saved Runs with these networks, called as the exercise does."""

    def command(*notations: str) -> str:
        runs = [
            replace(run, attributes={**run.attributes, "notation": notation})
            for run, notation in zip(trained.runs.values(), notations, strict=True)
        ]
        return comparison_of(runs).command

    return command


def figures(comparison) -> dict:
    document = comparison.to_json()
    return {key: value for key, value in document.items() if key not in ("command", "seconds")}


def test_its_figures_are_those_of_the_training(trained, files):
    saved = load_comparison(*files)
    assert saved.names == trained.names
    assert figures(saved) == figures(trained)
    assert saved.data == trained.data
    assert saved.networks == trained.networks


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_its_page_says_the_same(trained, files, lang):
    """All but what was timed and typed, which stands in the last section."""
    of_training, of_files = (
        report_page(comparison, lang).partition('<section id="repeat"')[0]
        for comparison in (trained, load_comparison(*files))
    )
    assert of_files == of_training


def test_it_prints(files, capsys):
    print_comparison(load_comparison(*files), "en")
    assert "sigmoid" in capsys.readouterr().out


def test_the_command_trains_the_same_networks(files):
    arguments = load_comparison(*files).command.split("compare ")[1]
    assert "12-6x3-3 relu" in arguments
    assert "--seeds 2" in arguments


def test_networks_are_named_as_they_would_be_typed(comparisons_of):
    assert "compare relu sigmoid" in comparisons_of("784-64x10-10 relu", "784-64x10-10 sigmoid")
    assert "compare --preset practical " in comparisons_of(
        "784-64x10-10 relu", "784-64x9:sigmoid-64:relu-10"
    )


def test_one_run_is_a_comparison_too(files):
    assert load_comparison(files[1]).names == ["sigmoid"]


def test_two_runs_of_one_name_are_told_apart(files):
    assert load_comparison(files[0], files[0]).names == ["relu", "relu-2"]


def test_other_trainings_do_not_fit(trained, blobs):
    other = run_comparison(read_comparison(("tanh",), **{**OPTIONS, "learning_rate": 0.1}), blobs)
    with pytest.raises(RunsDoNotFit) as caught:
        comparison_of([trained.run("relu"), other.run("tanh")])
    assert caught.value.reason == "training"
    assert caught.value.facts["field"] == "learning_rate"


def test_other_data_does_not_fit(trained, blobs):
    relu = trained.run("relu")
    other = run_comparison(
        read_comparison(("tanh",), **OPTIONS), replace(blobs, fingerprint="other")
    )
    with pytest.raises(RunsDoNotFit) as caught:
        comparison_of([relu, other.run("tanh")])
    assert caught.value.reason == "data"


def test_a_watched_run_does_not_fit(trained):
    relu = trained.run("relu")
    watched = Run({**relu.attributes, "notation": "", "training": ""}, relu.members, relu.groups)
    with pytest.raises(RunsDoNotFit) as caught:
        comparison_of([watched])
    assert caught.value.reason == "watched"


def test_a_run_of_before_the_facts_were_kept_is_read(trained, tmp_path):
    """What is not known is left out, not made up."""
    relu = trained.run("relu")
    older = {key: value for key, value in relu.attributes.items() if key != "data"}
    path = Run(older, relu.members, relu.groups).save(tmp_path / "older.nc")
    saved = load_comparison(path)
    assert math.isnan(saved.data.constant_loss)
    assert "NaN" not in report_page(saved, "en").partition('id="figures"')[0].partition("<main")[2]


def test_a_damaged_fact_is_one_sentence(trained, tmp_path):
    from gradgauge.errors import RunFileProblem

    relu = trained.run("relu")
    for damaged in ("[1]", json.dumps({"image_shape": ["a"]}), "{", json.dumps({"image_shape": 5})):
        path = Run({**relu.attributes, "data": damaged}, relu.members, relu.groups).save(
            tmp_path / "damaged.nc"
        )
        with pytest.raises(RunFileProblem):
            Run.load(path)
