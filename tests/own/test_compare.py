"""Networks of one's own through `compare`: figures, JSON, report, terminal, Runs, command line."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from rich.console import Console

import gradgauge as gg
import gradgauge.study as study
from gradgauge.cli.app import run
from gradgauge.errors import InvalidValue
from gradgauge.own.errors import OwnProblem
from gradgauge.report.pages.write import report_page
from gradgauge.report.terminal.comparison import print_comparison
from tests.own.functions import (
    INPUTS,
    make_jax,
    make_keras,
    make_pytorch,
    make_uncompiled,
    points,
)

SCHEMA = json.loads((Path(study.__file__).parent / "compare.schema.json").read_text("utf-8"))
NOTATION = f"{INPUTS}-8x2-3 tanh"
SHORT = {"epochs": 2, "batch_size": 40}


@pytest.fixture(scope="module")
def mixed():
    x, y = points()
    makers = (make_keras, make_pytorch, make_jax, NOTATION)
    return gg.compare(*makers, x=x, y=y, test_x=x[:60], test_y=y[:60], seeds=2, **SHORT)


def test_json_keeps_to_its_schema(mixed):
    document = mixed.to_json()
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    frameworks = [network["framework"] for network in document["networks"]]
    assert frameworks == ["keras", "pytorch", "jax", "spec"]
    assert [n["notation"] for n in document["networks"]] == [None, None, None, NOTATION]
    quantities = {tuple(row["first"]) for n in document["networks"] for row in n["layers"]}
    assert len(quantities) == 1
    assert document["dataset"] == {"name": "x, y", "train": 240, "test": 60}


def test_frameworks_together_are_as_each_by_itself(mixed):
    x, y = points()
    alone = gg.compare(make_pytorch, x=x, y=y, validation_data=(x[:60], y[:60]), seeds=2, **SHORT)
    one, other = alone.run("make_pytorch"), mixed.run("make_pytorch")
    assert np.array_equal(one.figure("test_loss"), other.figure("test_loss"))
    assert alone.to_json()["training"]["optimizer"] == "adam"
    assert alone.better is None


def test_a_chain_of_layers_has_the_product_of_its_gains(mixed):
    for name in ("make_keras", "make_jax", NOTATION):
        found = mixed.attenuation(name)
        assert found.decades == pytest.approx(found.slope_decades + found.weight_decades, abs=0.05)
        assert found.decades < 0


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_report_and_terminal_name_the_layers(mixed, lang):
    page = report_page(mixed, lang)
    assert "make_pytorch" in page and "dense tanh" in page
    out = io.StringIO()
    print_comparison(mixed, lang, Console(file=out, width=100))
    assert "make_jax" in out.getvalue() and "first" in out.getvalue()


def test_runs_are_saved_and_loaded(mixed, tmp_path):
    run = mixed.run("make_pytorch")
    again = gg.Run.load(run.save(tmp_path / "own.nc"))
    assert again.seeds == [0, 1]
    assert [layer.name for layer in again.layers] == [layer.name for layer in run.layers]
    assert np.array_equal(again.figure("test_accuracy"), run.figure("test_accuracy"))


def test_saved_runs_are_the_same_comparison(mixed, tmp_path):
    paths = [run.save(tmp_path / f"{number}.nc") for number, run in enumerate(mixed.runs.values())]
    again = gg.load_comparison(*paths)
    assert again.names == mixed.names and again.ranking == mixed.ranking
    assert again.attenuation("make_jax") == mixed.attenuation("make_jax")
    one, other = (print_to_text(found) for found in (again, mixed))
    assert one == other


def print_to_text(comparison):
    out = io.StringIO()
    print_comparison(comparison, "en", Console(file=out, width=100))
    return out.getvalue()


def test_a_model_that_is_not_compiled_is_compiled_by_the_options():
    x, y = points()
    result = gg.compare(make_uncompiled, x=x, y=y, optimizer="sgd", learning_rate=0.3, **SHORT)
    training = json.loads(result.run("make_uncompiled").attributes["training"])
    assert (training["optimizer"], training["learning_rate"]) == ("sgd", 0.3)
    assert result.test_accuracy("make_uncompiled").mean > 0.5
    with pytest.raises(OwnProblem, match="not compiled"):
        gg.compare(make_uncompiled, x=x, y=y, optimizer="adam_torch", **SHORT)


def test_numbers_are_ranked_by_their_loss_which_must_be_one():
    import torch
    from torch import nn

    x, _ = points()
    y = x.sum(axis=1, keepdims=True)

    def make(loss):
        def made():
            model = nn.Linear(INPUTS, 1)
            return model, loss, torch.optim.SGD(model.parameters(), 0.05)

        return made

    result = gg.compare(make(nn.MSELoss()), x=x, y=y, **SHORT)
    (run,) = result.runs.values()
    assert result.test_accuracy(run.name) is None and not result.has_accuracy
    test = 1 - run.figure("explained_variance")[0]
    assert 0 < test < 1
    jsonschema.validate(result.to_json(), SCHEMA)
    report_page(result)
    with pytest.raises(OwnProblem) as caught:
        gg.compare(make(nn.MSELoss()), make(nn.L1Loss()), x=x, y=y, **SHORT)
    assert caught.value.reason == "losses_differ"


def test_a_loss_without_outputs_is_ranked_by_itself():
    def make_mute(seed):
        return make_jax(seed)[:2]

    x, y = points()
    result = gg.compare(make_mute, x=x, y=y, **SHORT)
    assert not result.has_accuracy and np.isfinite(result.test_loss("make_mute").mean)
    with pytest.raises(OwnProblem) as caught:
        gg.compare(make_mute, make_jax, x=x, y=y, **SHORT)
    assert caught.value.reason == "no_outputs"


def test_wrong_use_is_one_sentence():
    x, y = points()
    for arguments, reason in (
        ({"x": x}, "needs_x"),
        ({"x": x, "y": y, "test_x": x}, "test_pair"),
        ({"x": x, "y": y, "dataset": "mnist"}, "two_sources"),
    ):
        with pytest.raises(OwnProblem) as caught:
            gg.compare(make_jax, **arguments, **SHORT)
        assert caught.value.reason == reason
    with pytest.raises(InvalidValue):
        gg.compare(make_keras(), x=x, y=y, **SHORT)
    with pytest.raises(InvalidValue):
        gg.compare(make_jax, x=x, y=y, epochs=1, batch_size=1_000)
    with pytest.raises(OwnProblem) as caught:
        gg.compare(make_jax, NOTATION, x=x, y=y, loss="mse", **SHORT)
    assert caught.value.reason == "loss_for_data"


def test_the_command(tmp_path, monkeypatch, capsys):
    (tmp_path / "my_own_models.py").write_text(
        "from tests.own.functions import make_jax, make_keras, points\n", encoding="utf-8"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    arguments = ["compare", "my_own_models:make_jax", "my_own_models.py:make_keras"]
    options = ["--data", "my_own_models:points", "--epochs", "1", "--batch-size", "40", "--json"]
    assert run([*arguments, *options, "--lang", "en"]) == 0
    document = json.loads(capsys.readouterr().out)
    jsonschema.validate(document, SCHEMA)
    names = [network["name"] for network in document["networks"]]
    assert names == ["my_own_models:make_jax", "my_own_models.py:make_keras"]
    assert all(Path(path).is_file() for path in document["runs"])
    assert Path(document["report"]).is_file()
    assert "my_own_models:make_jax" in document["command"]
    assert run(["compare", "my_own_models:nothing", "--lang", "en"]) == 2
    said = capsys.readouterr().err
    assert "'nothing'" in said and "make_jax, make_keras, points" in said


def test_data_and_dataset_are_one_option(capsys):
    for command in ("compare", "why"):
        for option in ("--data", "--dataset"):
            assert run([command, "relu", option, "nowhere", "--lang", "en"]) == 2
            assert "nowhere" in capsys.readouterr().err
