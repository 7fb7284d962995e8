"""Rule constant-initialization."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

import gradgauge
from tests.diagnosis.made import evidence, found, layers, silent


def constant(before: float = 0.0, after: float | None = None):
    made = layers()
    shape = made[1].before[0].shape
    end = made[1].after if after is None else (np.full(shape, after, np.float32),)
    same = (np.full(shape[1], 0.01, np.float32),)
    made[1] = dataclasses.replace(
        made[1], before=(np.full(shape, before, np.float32),), after=end, biases_after=same
    )
    return made


def test_units_that_stay_the_same():
    (finding,) = found("constant-initialization", evidence(made=constant(0.5, 0.7)))
    assert (finding.severity, finding.layer, finding.case) == ("fault", "h2", "stays")


def test_units_that_part_in_a_training_that_learns():
    (finding,) = found("constant-initialization", evidence(made=constant()))
    assert finding.severity == "note"


def test_units_that_part_in_a_training_that_fails():
    assert (
        found("constant-initialization", evidence(failing=True, made=constant()))[0].severity
        == "fault"
    )


def test_an_output_layer_may_begin_at_zero():
    made = layers()
    made[-1] = dataclasses.replace(made[-1], before=(np.zeros((32, 4), np.float32),))
    assert found("constant-initialization", evidence(made=made)) == []


def test_random_weights_are_well():
    assert found("constant-initialization", evidence(failing=True)) == []


def test_a_convex_model_of_one_layer_is_exempt():
    only = layers(1)
    only[0] = dataclasses.replace(only[0], before=(np.zeros((10, 4), np.float32),))
    assert silent("constant-initialization", evidence(made=only)) == "one_layer"


def test_a_recurrent_layer_is_compared_gate_by_gate():
    made = layers(3)
    gates = np.repeat(np.array([0.1, 0.2, 0.3, 0.4], np.float32), 32)[None]
    before = (np.full((10, 128), 0.1, np.float32), np.full((32, 128), 0.1, np.float32))
    after = (np.tile(gates, (10, 1)), np.tile(gates, (32, 1)))
    info = dataclasses.replace(made[0].info, kind="recurrent")
    made[0] = dataclasses.replace(made[0], info=info, before=before, after=after)
    (finding,) = found("constant-initialization", evidence(made=made))
    assert (finding.severity, finding.case) == ("fault", "stays")


def only_biases_differ(value: float = 0.1):
    made = constant(value)
    biases = np.random.default_rng(0).uniform(-0.2, 0.2, 32).astype(np.float32)
    made[1] = dataclasses.replace(made[1], biases=(biases,))
    return made


def test_equal_weights_that_only_biases_tell_apart_where_the_training_fails():
    (finding,) = found("constant-initialization", evidence(True, only_biases_differ()))
    assert (finding.severity, finding.layer, finding.case) == ("fault", "h2", "biases")


def test_equal_weights_that_only_biases_tell_apart_where_it_learns():
    assert found("constant-initialization", evidence(made=only_biases_differ())) == []
    assert found("constant-initialization", evidence(made=only_biases_differ(0.0))) == []


@pytest.mark.parametrize("rate", [1e-3, 1e-1])
def test_a_network_of_zeros_with_random_biases_is_named(rate):
    """PyTorch's biases are random: its units part, slowly, all seeing the same sum."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 4)
    )
    for layer in model:
        if isinstance(layer, nn.Linear):
            nn.init.zeros_(layer.weight)
    x = torch.randn(256, 8, generator=torch.Generator().manual_seed(1))
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    result = gradgauge.diagnose(
        model, nn.CrossEntropyLoss(), optimizer, x, x[:, :4].argmax(1), epochs=4
    )
    assert result.primary is not None
    assert result.primary.rule == "constant-initialization"
