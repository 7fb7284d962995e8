"""`gradgauge.remedy` on models of one's own: diagnosed, tried, and left as they were."""

from __future__ import annotations

import copy
import itertools
import json
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
import optax
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import gradgauge as gg
from gradgauge.errors import GradgaugeError
from gradgauge.remedies.own import run as own_run

INPUTS, CLASSES = 6, 3
SHORT: dict[str, Any] = {"epochs": 1, "batch_size": 40, "budget": 12}
VERDICTS = {"repaired", "as-good-as-random-search", "symptom-only", "nothing-decided"}


def points():
    rng = np.random.default_rng(3)
    y = np.arange(240) % CLASSES
    x = 3 * rng.normal(size=(CLASSES, INPUTS))[y] + rng.normal(size=(240, INPUTS))
    return x.astype(np.float32), y


def pytorch_parts(depth=3, activation: Any = nn.Sigmoid):
    widths = [INPUTS, *[8] * depth]
    parts = [p for m, n in itertools.pairwise(widths) for p in (nn.Linear(m, n), activation())]
    model = nn.Sequential(*parts, nn.Linear(8, CLASSES))
    return model, nn.CrossEntropyLoss(), torch.optim.Adam(model.parameters(), 1e-2)


def zeros(model):
    """A fault that is seen before any step."""
    for parameter in model.parameters():
        nn.init.zeros_(parameter)


def make_pytorch():
    parts = pytorch_parts()
    zeros(parts[0])
    return parts


def keras_model():
    hidden = [
        keras.layers.Dense(8, activation="sigmoid", kernel_initializer="zeros") for _ in range(3)
    ]
    head = keras.layers.Dense(CLASSES, activation="softmax")
    model = keras.Sequential([keras.Input((INPUTS,)), *hidden, head])
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def jax_parts(seed=0):
    widths = [INPUTS, *[8] * 3, CLASSES]
    keys = jax.random.split(jax.random.key(seed), len(widths))
    params = [
        {"weight": 0 * jax.random.normal(k, (m, n)), "bias": jnp.zeros(n)}
        for k, m, n in zip(keys, widths, widths[1:], strict=False)
    ]

    def predict(params, x):
        for layer in params[:-1]:
            x = jax.nn.sigmoid(x @ layer["weight"] + layer["bias"])
        return x @ params[-1]["weight"] + params[-1]["bias"]

    def loss(params, x, y):
        return optax.softmax_cross_entropy_with_integer_labels(predict(params, x), y).mean()

    return loss, params, predict, optax.adam(1e-2)


@pytest.fixture
def few(monkeypatch):
    """A trial of two remedies: enough to see it through, whatever the diagnosis lists."""
    from gradgauge.remedies import ladder, trial

    listed = trial.remedies_for
    monkeypatch.setattr(trial, "remedies_for", lambda d: listed(d)[:2])
    monkeypatch.setattr(ladder, "RATE_FACTORS", (0.1, 10.0))


def loader_of(x, y):
    return DataLoader(TensorDataset(torch.as_tensor(x), torch.as_tensor(y)), 40, shuffle=True)


@pytest.mark.usefixtures("few")
def test_a_function_is_diagnosed_tried_and_applied():
    x, y = points()
    result = gg.remedy(make_pytorch, x=x, y=y, **SHORT)
    assert result.framework == "pytorch" and result.target == "make_pytorch"
    assert result.verdict in VERDICTS and result.findings["before"]
    confirmed = [arm for arm in result.arms if arm.is_confirmed]
    assert {arm.kind for arm in confirmed} >= {"control", "random-search"}
    assert all(len(arm.values) >= 7 for arm in confirmed)
    assert json.dumps(result.to_json())


@pytest.mark.usefixtures("few")
def test_a_module_with_its_loader_stays_as_it_was():
    x, y = points()
    model, loss, optimizer = make_pytorch()
    kept = str(copy.deepcopy((model.state_dict(), optimizer.state_dict())))
    random = torch.get_rng_state()
    result = gg.remedy(model, loss, optimizer, loader_of(x, y), epochs=1, budget=12)
    assert result.verdict in VERDICTS and not result.fresh
    assert "weights" in result.sentence()
    with pytest.raises(RuntimeError, match="mine"):
        gg.remedy(model, loss, optimizer, loader_of(x, y), epochs=1, on_progress=_raise)
    assert kept == str((model.state_dict(), optimizer.state_dict()))
    assert torch.equal(random, torch.get_rng_state())


def _raise(*_):
    raise RuntimeError("mine")


@pytest.mark.usefixtures("few")
def test_the_winner_is_applied_to_the_model_that_was_given():
    x, y = points()
    parts = make_pytorch()
    result = gg.remedy(*parts, x=torch.as_tensor(x), y=torch.as_tensor(y), epochs=1, budget=12)
    arm = next(arm for arm in result.arms if arm.kind == "remedy")
    result.winning = arm
    model, _, optimizer = result.apply(parts[0])
    assert model is not parts[0] and isinstance(optimizer, torch.optim.Optimizer)
    assert isinstance(result.apply()[0], nn.Module) and result.patch


def test_keras_and_jax():
    x, y = points()
    model = keras_model()
    before = [np.asarray(v) for v in [*model.variables, *model.optimizer.variables]]
    own = own_run.own_trainer(_read(model, (x, y), {"epochs": 1}))
    assert not own.fresh and own.epochs == 1
    given = own_run.given_of(_read(model, (x, y), {"epochs": 1}), own, gg_budget(), {})
    assert (
        given.faults
        and given.activation == "sigmoid"
        and 0 < given.pace.start <= given.pace.training
    )
    after = [np.asarray(v) for v in [*model.variables, *model.optimizer.variables]]
    assert all(map(np.array_equal, before, after))

    loss, params, predict, optimizer = jax_parts()
    beside = {"predict": predict, "optimizer": optimizer, "epochs": 1, "batch_size": 40}
    read = _read(loss, (params, x, y), beside)
    own = own_run.own_trainer(read)
    assert own.framework == "jax" and not own.fresh
    assert own_run.given_of(read, own, gg_budget(), {}).faults


def _read(target, args, options):
    from gradgauge.remedies.own.arguments import read_own

    return read_own(target, args, None, None, options)


def gg_budget():
    from gradgauge.diagnosis.budget import Budget

    return Budget(12)


def test_nothing_is_tried_where_nothing_is_wrong():
    x, y = points()

    def make_fine():
        return pytorch_parts(1, nn.ReLU)

    result = gg.remedy(make_fine, x=x, y=y, epochs=20, batch_size=20)
    assert result.verdict == "nothing-to-repair" and result.exit_code == 0 and not result.arms


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda *_: gg.remedy(make_pytorch), "needs data"),
        (lambda x, _: gg.remedy(make_pytorch, x=x), "needs data"),
        (lambda x, y: gg.remedy(make_pytorch, x=x, y=y, dataset="mnist"), "not both"),
        (lambda x, y: gg.remedy(make_pytorch, x=x, y=y, depth=3), "depth"),
        (lambda x, y: gg.remedy(make_pytorch, x=x, y=y, epoch=3), "epoch"),
        (lambda x, y: gg.remedy(make_pytorch, x=x[:, :2], y=y), "make_pytorch .* shape"),
        (lambda x, y: gg.remedy(pytorch_parts()[0], x=x, y=y), "loss"),
        (lambda x, y: gg.remedy(keras_model(), x, y, callbacks=[]), "callbacks"),
        (lambda x, y: gg.remedy("sigmoid", x, y), "arguments"),
        (lambda *_: gg.remedy(*pytorch_parts(), iter([])), "length"),
        (lambda x, y: gg.remedy(make_pytorch, x=x, y=y, epochs=1, budget=2), "at least"),
        (lambda x, y: gg.remedy(3, x=x, y=y), "int"),
    ],
)
def test_what_cannot_be_is_said_in_one_sentence(call, told):
    with pytest.raises(GradgaugeError, match=told) as error:
        call(*points())
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("returned", ["pytorch_parts()", "keras_model()", "jax_parts()[:2]"])
def test_a_function_of_a_file_without_data_is_told_so(tmp_path, returned):
    path = tmp_path / "mine.py"
    source = f"from tests.remedies.test_own_run import *\n\ndef make():\n    return {returned}\n"
    path.write_text(source, "utf-8")
    with pytest.raises(GradgaugeError, match=r"needs data.*--data"):
        gg.remedy(f"{path}:make")


@pytest.mark.usefixtures("few")
def test_a_training_that_ends_with_an_error_that_is_explained_is_advised():
    """Labels that there is no output for: the framework raises in the middle of an epoch."""
    x, y = points()
    y = y + (np.arange(len(y)) > 2)  # The first ones are right.

    def make():
        return pytorch_parts(1)

    result = gg.remedy(make, x=x, y=y, epochs=1, batch_size=40, budget=12)
    assert set(result.findings["before"]) & {"loss-mismatch", "index-out-of-range"}
    assert result.verdict == "nothing-decided" and result.advice()
