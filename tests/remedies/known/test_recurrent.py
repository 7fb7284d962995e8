"""Remedies of recurrent layers and of dead units, each on the fault that it answers, beside the
untouched twin."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import torch
from torch import nn

import gradgauge as gg
from gradgauge.engine.build import initial_parameters
from gradgauge.own.data import given_data
from gradgauge.remedies.known import BY_KEY
from gradgauge.remedies.known.revive_units import revived
from gradgauge.remedies.own.target import target_of
from gradgauge.remedies.own.trainer import OwnTrainer
from gradgauge.remedies.trainer import REMEDY, Candidate, CannotApply, Dose
from gradgauge.spec.training import TrainingSpec

STEPS = 40
TRAINING = TrainingSpec(epochs=1, batch_size=16)


class Reader(nn.Module):
    def __init__(self, cell: Any):
        super().__init__()
        self.cell = cell(2, 8, batch_first=True)
        self.head = nn.Linear(8, 2)

    def forward(self, x):
        return self.head(self.cell(x)[0][:, -1])


def series():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, STEPS, 2)).astype(np.float32)
    return x, (x[:, 0, 0] > 0).astype(np.int64)


def trainer(cell):
    def make():
        model = Reader(cell)
        return model, nn.CrossEntropyLoss(), torch.optim.Adam(model.parameters(), 1e-2)

    return OwnTrainer(target_of(make, given_data(*series()), TRAINING))


def reach(model):
    """How much of the error signal comes back to the first step."""
    x, y = (torch.as_tensor(part) for part in series())
    x.requires_grad_(True)
    nn.functional.cross_entropy(model(x), y).backward()
    assert x.grad is not None
    norms = x.grad.norm(dim=(0, 2))
    return float(norms[0] / norms[-1])


@pytest.mark.parametrize(
    ("cell", "key", "times"),
    [
        (nn.LSTM, "forget_bias", 30),
        (nn.RNN, "orthogonal_init", 30),
        (nn.RNN, "gated_cell", 1.5),
    ],
)
def test_more_of_the_error_signal_comes_back_to_the_first_step(cell, key, times):
    own = trainer(cell)
    treated = own.apply(Candidate(REMEDY, (Dose(key),)), seed=1)[0]
    torch.manual_seed(1)
    untouched = Reader(cell)
    assert reach(treated) > times * reach(untouched)


def test_a_gated_cell_is_learned_by_its_optimizer():
    model, _, optimizer = trainer(nn.RNN).apply(Candidate(REMEDY, (Dose("gated_cell"),)))
    assert type(model.cell) is nn.GRU
    known = {id(p) for group in optimizer.param_groups for p in group["params"]}
    assert {id(p) for p in model.parameters()} <= known


def keras_reader(cell: Any):
    def make():
        model = keras.Sequential(
            [keras.Input((STEPS, 2)), cell(8), keras.layers.Dense(2, activation="softmax")]
        )
        model.compile("adam", "sparse_categorical_crossentropy")
        return model

    return make


def test_the_same_in_keras():
    def treated(cell, key, **knob):
        made = target_of(keras_reader(cell), given_data(*series()), TRAINING)
        return OwnTrainer(made).apply(Candidate(REMEDY, (Dose(key, **knob),)))

    bias = np.asarray(treated(keras.layers.LSTM, "forget_bias", knob=3.0).layers[0].cell.bias)
    assert np.allclose(bias[8:16], 3) and np.allclose(bias[16:], 0)
    kernel = np.asarray(
        treated(keras.layers.SimpleRNN, "orthogonal_init").layers[0].cell.recurrent_kernel
    )
    assert np.allclose(kernel @ kernel.T, np.eye(8), atol=1e-5)
    assert isinstance(treated(keras.layers.SimpleRNN, "gated_cell").layers[0], keras.layers.GRU)


def test_only_dead_units_are_drawn_anew(blobs):
    network = gg.parse("12-16x3-3 relu")
    params = [dict(block) for block in initial_parameters(network, 0)]
    params[0]["bias"] = params[0]["bias"].copy()
    params[0]["bias"][0, :5] = -1e3
    new = revived(network, tuple(params), blobs.x_train)
    z = blobs.x_train @ new[0]["weight"][0] + new[0]["bias"][0]
    assert ((z > 0).any(axis=0)).all()
    assert np.array_equal(new[0]["weight"][0, :, 5:], params[0]["weight"][0, :, 5:])
    assert not np.array_equal(new[0]["weight"][0, :, :5], params[0]["weight"][0, :, :5])


def test_dead_units_of_a_module_are_revived():
    def make():
        model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 2))
        with torch.no_grad():
            model.get_parameter("0.bias")[:5] = -1e3
        return model, nn.CrossEntropyLoss(), torch.optim.Adam(model.parameters(), 1e-2)

    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 6)).astype(np.float32)
    own = OwnTrainer(target_of(make, given_data(x, np.arange(64) % 2), TRAINING))
    model = own.apply(Candidate(REMEDY, (Dose("revive_units"),)))[0]
    assert bool((model[1](model[0](torch.as_tensor(x))) > 0).any(dim=0).all())
    assert BY_KEY["revive_units"].rules == ("dead-units",)
    alive = OwnTrainer(target_of(lambda: _alive(), given_data(x, np.arange(64) % 2), TRAINING))
    assert isinstance(alive.applies(Dose("revive_units")), CannotApply)


def _alive():
    model = nn.Sequential(nn.Linear(6, 4), nn.Tanh(), nn.Linear(4, 2))
    return model, nn.CrossEntropyLoss(), torch.optim.Adam(model.parameters(), 1e-2)
