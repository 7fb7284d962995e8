"""`gradgauge diagnose` and `explain`; model files that hold code are not run."""

from __future__ import annotations

import json
import sys

import keras
import numpy as np
import pytest

from gradgauge.cli.app import run
from gradgauge.diagnosis.loading import ModelProblem, load_model
from gradgauge.diagnosis.rules import RULES
from tests.diagnosis.made import inputs, labels


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A good model, a bad one, and data, as files."""
    place = tmp_path_factory.mktemp("models")
    keras.utils.set_random_seed(0)

    def made(loss):
        model = keras.Sequential(
            [
                keras.Input((10,)),
                keras.layers.Dense(16, "relu"),
                keras.layers.Dense(4, "softmax", name="out"),
            ]
        )
        model.compile(keras.optimizers.Adam(1e-2), loss)
        return model

    made("sparse_categorical_crossentropy").save(place / "good.keras")
    made(keras.losses.SparseCategoricalCrossentropy(from_logits=True)).save(place / "bad.keras")
    np.savez(place / "data.npz", x=inputs(), y=labels())
    return place


def test_healthy_is_0_and_faulty_is_1(folder, capsys):
    data = ["--data", str(folder / "data.npz"), "--epochs", "6", "--json"]
    assert run(["diagnose", str(folder / "good.keras"), *data]) == 0
    assert json.loads(capsys.readouterr().out)["healthy"] is True
    page = folder / "page.html"
    assert run(["diagnose", str(folder / "bad.keras"), *data, "--html", str(page)]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["findings"][0]["rule"] == "loss-mismatch"
    assert document["findings"][0]["layer"] == "out"
    text = page.read_text(encoding="utf-8")
    assert "loss-mismatch" in text
    assert "http://" not in text and "https://" not in text


def test_a_module_and_its_function(folder, capsys, monkeypatch):
    (folder / "my_own_training.py").write_text(
        "import keras, numpy as np\n"
        "import warnings\n"
        "def model():\n"
        "    warnings.simplefilter('ignore')\n"
        f"    return keras.models.load_model({str(folder / 'bad.keras')!r})\n"
        "def data():\n"
        f"    file = np.load({str(folder / 'data.npz')!r})\n"
        "    return file['x'], file['y']\n"
    )
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
    code = run(
        [
            "diagnose",
            "my_own_training:model",
            "--data",
            "my_own_training:data",
            "--epochs",
            "3",
            "--lang",
            "ko",
        ]
    )
    assert code == 1
    assert "loss-mismatch" in capsys.readouterr().out


WRONG = {
    "no file": ["none.keras"],
    "no model": ["data.npz"],
    "no function": ["gradgauge:nothing"],
    "no module": ["no_such_module_here:model"],
}


@pytest.mark.parametrize("case", sorted(WRONG))
def test_wrong_use_is_2_and_one_sentence(folder, capsys, monkeypatch, case):
    monkeypatch.chdir(folder)
    assert run(["diagnose", *WRONG[case], "--data", "data.npz"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error:")
    assert captured.err.count("\n") == 1


def test_files_that_are_no_models(folder, capsys):
    (folder / "torn.keras").write_bytes(b"PK\x03\x04 torn")
    (folder / "torn.h5").write_bytes(b"torn")
    for name in ("torn.keras", "torn.h5"):
        assert run(["diagnose", str(folder / name), "--data", str(folder / "data.npz")]) == 2
        assert capsys.readouterr().err.count("\n") == 1


def test_a_lambda_layer_does_not_run_untrusted(tmp_path):
    mark = tmp_path / "ran"
    for name in ("lambda.keras", "lambda.h5"):
        model = keras.Sequential(
            [
                keras.Input((4,)),
                keras.layers.Lambda(lambda x, m=str(mark): (__import__("os").mkdir(m), x)[1]),
                keras.layers.Dense(2),
            ]
        )
        model.compile("sgd", "mse")
        model.save(tmp_path / name)
        if mark.exists():
            mark.rmdir()
        with pytest.raises(ModelProblem) as caught:
            load_model(str(tmp_path / name))
        assert caught.value.reason == "untrusted"
        assert not mark.exists()


def test_with_trust_it_loads(tmp_path):
    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Lambda(lambda x: x * 2), keras.layers.Dense(2)]
    )
    model.compile("sgd", "mse")
    model.save(tmp_path / "lambda.keras")
    assert load_model(str(tmp_path / "lambda.keras"), trust=True).count_params() == 10


def test_a_function_from_outside_of_keras_is_code(tmp_path):
    import zipfile

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    model.save(tmp_path / "plain.keras")
    with zipfile.ZipFile(tmp_path / "plain.keras") as file:
        parts = {name: file.read(name) for name in file.namelist()}
    config = json.loads(parts["config.json"])
    config["config"]["layers"][1]["module"] = "os"
    config["config"]["layers"][1]["class_name"] = "system"
    parts["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(tmp_path / "evil.keras", "w") as file:
        for name, content in parts.items():
            file.writestr(name, content)
    with pytest.raises(ModelProblem) as caught:
        load_model(str(tmp_path / "evil.keras"))
    assert caught.value.reason == "untrusted"


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_every_rule_is_explained(capsys, lang):
    for rule in RULES:
        assert run(["explain", rule.name, "--lang", lang]) == 0
        assert rule.name in capsys.readouterr().out
    assert run(["explain", "--lang", lang]) == 0


def test_an_unknown_rule_or_limit(capsys, folder):
    assert run(["explain", "vanishing"]) == 2
    assert "vanishing-gradient" in capsys.readouterr().err
    data = ["--data", str(folder / "data.npz")]
    assert (
        run(["diagnose", str(folder / "good.keras"), *data, "--limit", "dead-units.shore=1"]) == 2
    )
    assert run(["diagnose", str(folder / "good.keras"), *data, "--off", "dead-unit"]) == 2
