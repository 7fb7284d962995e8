"""The exercise through Keras: its models are the preset's, and it runs on every backend."""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys

import keras
import numpy as np
import pytest

from gradgauge import datasets, practical
from gradgauge.datasets import Dataset
from gradgauge.errors import DataProblem, InvalidValue
from gradgauge.spec.presets import PRESETS

MODELS = {"relu": practical.make_model_relu, "sigmoid": practical.make_model_sig}

RUN_MAIN = """
import json, sys
import gradgauge.practical, keras
histories = gradgauge.practical.main(epochs=2, samples=800)
assert all(type(h) is keras.callbacks.History for h in histories)
facts = {"backend": keras.backend.backend(), "histories": [h.history for h in histories]}
print(json.dumps(facts))
"""


def run_python(code: str, folder, **variables: str) -> list[str]:
    """The lines a fresh Python prints; KERAS_BACKEND is unset unless given."""
    environment = {k: v for k, v in os.environ.items() if k != "KERAS_BACKEND"}
    environment |= {"KERAS_HOME": str(folder), "PYTHONIOENCODING": "utf-8", **variables}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def check_main(lines: list[str], backend: str) -> None:
    facts = json.loads(lines[-1])
    assert facts["backend"] == backend
    for history in facts["histories"]:
        assert set(history) == {"loss", "accuracy"}
        assert [len(values) for values in history.values()] == [2, 2]
        assert np.isfinite(list(history.values())).all()
    assert lines[-3].startswith("accuracy_relu: 0.")
    assert lines[-2].startswith("accuracy_sig: 0.")
    assert sum("88,330" in line for line in lines if "Total params" in line) == 2
    # Silent while it trains: nothing between the last summary and the accuracies.
    assert "Non-trainable" in next(line for line in reversed(lines[:-3]) if line.strip())


@pytest.mark.parametrize("backend", ["jax", "tensorflow", "torch"])
def test_main_runs_on_every_backend(backend, tmp_path):
    check_main(run_python(RUN_MAIN, tmp_path, KERAS_BACKEND=backend), backend)


def test_jax_unless_the_variable_says_otherwise(tmp_path):
    """Keras's own settings file names TensorFlow unless someone changed it: no wish of the user's."""
    settings = {"backend": "tensorflow", "floatx": "float32", "epsilon": 1e-7}
    (tmp_path / "keras.json").write_text(json.dumps(settings))
    code = "import gradgauge.practical, keras; print(keras.backend.backend())"
    assert run_python(code, tmp_path) == ["jax"]


def test_keras_that_runs_already_keeps_its_backend(tmp_path):
    settings = {"backend": "torch", "floatx": "float32", "epsilon": 1e-7}
    (tmp_path / "keras.json").write_text(json.dumps(settings))
    code = """
import keras, os
import gradgauge.practical as practical
practical.make_model_sig().summary()
print(keras.backend.backend(), "KERAS_BACKEND" in os.environ)
"""
    assert run_python(code, tmp_path)[-1] == "torch False"


@pytest.mark.parametrize("name", MODELS)
def test_models_are_the_presets_networks(name):
    model, spec = MODELS[name](), PRESETS["practical"][name]
    flatten, *hidden, output = model.layers
    assert isinstance(flatten, keras.layers.Flatten)
    assert model.input_shape == (None, 28, 28)
    assert [layer.units for layer in hidden] == [layer.width for layer in spec.hidden]
    assert [layer.activation.__name__ for layer in hidden] == list(spec.activations)
    assert (output.units, output.activation.__name__) == (10, "softmax")
    assert model.count_params() == spec.parameters == 88_330


def test_the_sigmoid_model_ends_in_a_relu_layer():
    names = [layer.activation.__name__ for layer in practical.make_model_sig().layers[1:-1]]
    assert names == ["sigmoid"] * 9 + ["relu"]


def test_images_are_scaled_to_one():
    (x_train, y_train), (x_test, y_test) = practical.load_mnist()
    assert (x_train.shape, x_test.shape) == ((60_000, 28, 28), (10_000, 28, 28))
    assert (y_train.shape, y_test.shape) == ((60_000,), (10_000,))
    assert x_train.dtype == x_test.dtype == np.float32
    assert (x_train.min(), x_train.max()) == (0, 1)


@pytest.fixture
def little_mnist(monkeypatch) -> None:
    """The first 800 and 200 images in place of all."""
    full = datasets.load("mnist")
    little = Dataset(
        full.name,
        full.x_train[:800],
        full.y_train[:800],
        full.x_test[:200],
        full.y_test[:200],
        full.fingerprint,
        full.image_shape,
    )
    monkeypatch.setattr(datasets, "load", lambda name: little)  # noqa: ARG005


def test_both_models_are_compiled_and_trained_as_the_exercise_says(little_mnist, capsys):  # noqa: ARG001
    histories = practical.main()
    for history, name in zip(histories, MODELS, strict=True):
        assert isinstance(history, keras.callbacks.History)
        assert history.epoch == [0, 1, 2, 3, 4]
        model = history.model
        assert model.name == name
        assert isinstance(model.optimizer, keras.optimizers.Adam)
        assert float(model.optimizer.learning_rate) == pytest.approx(1e-3)
        assert model.optimizer.epsilon == 1e-7
        assert model.loss == "sparse_categorical_crossentropy"
        assert history.params["steps"] == 2
    assert capsys.readouterr().out.count("Dense") == 22


@pytest.mark.filterwarnings("ignore:.*found in sys.modules:RuntimeWarning")
def test_the_module_runs_as_a_program(little_mnist, monkeypatch, capsys):  # noqa: ARG001
    """Training itself is tested above."""
    monkeypatch.setattr(keras.Sequential, "fit", lambda *_, **__: None)
    monkeypatch.setattr(keras.Sequential, "evaluate", lambda *_, **__: (0.0, 0.5))
    monkeypatch.setattr("sys.argv", ["practical.py"])
    runpy.run_module("gradgauge.practical", run_name="__main__")
    assert capsys.readouterr().out.splitlines()[-2:] == ["accuracy_relu: 0.5", "accuracy_sig: 0.5"]


@pytest.mark.filterwarnings("ignore:.*found in sys.modules:RuntimeWarning")
def test_a_missing_data_file_is_one_sentence(monkeypatch, capsys):
    def missing(name: str) -> Dataset:
        raise DataProblem(name, "missing")

    monkeypatch.setattr(datasets, "load", missing)
    monkeypatch.setattr("sys.argv", ["practical.py"])
    with pytest.raises(SystemExit) as stopped:
        runpy.run_module("gradgauge.practical", run_name="__main__")
    printed = capsys.readouterr()
    assert (stopped.value.code, printed.out, printed.err.count("\n")) == (2, "", 1)
    assert printed.err.startswith("error: the data file mnist")


@pytest.mark.parametrize("wrong", [{"epochs": 0}, {"epochs": 1.5}, {"samples": 0}])
def test_a_number_that_cannot_be_is_refused(wrong):
    with pytest.raises(InvalidValue) as error:
        practical.main(**wrong)
    assert error.value.field == next(iter(wrong))
