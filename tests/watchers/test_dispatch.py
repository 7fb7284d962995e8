"""`watch` picks by what it is given, and imports no framework for it."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch import nn

import gradgauge as gg
from gradgauge.errors import InvalidValue
from gradgauge.watchers.errors import CannotWatch
from gradgauge.watchers.torch.watcher import PyTorchWatcher

ALONE = """
import sys
import gradgauge as gg
from gradgauge.watchers.errors import CannotWatch
try:
    gg.watch(object())
except CannotWatch as error:
    assert error.reason == "unknown"
frameworks = {"torch", "tensorflow", "jax", "keras", "lightning", "transformers"}
assert not frameworks & set(sys.modules), frameworks & set(sys.modules)
"""


def test_no_framework_is_imported():
    subprocess.run([sys.executable, "-c", ALONE], check=True)


def test_pytorch():
    with gg.watch(nn.Linear(2, 2)) as watcher:
        assert isinstance(watcher, PyTorchWatcher)


def test_keras_jax():
    import jax.numpy as jnp
    import keras

    from gradgauge.watchers.jax.watcher import JaxWatcher

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    assert isinstance(gg.watch(model), keras.callbacks.Callback)
    watcher = gg.watch(lambda p, x: jnp.sum(x @ p["w"]), {"w": jnp.ones((2, 2))})
    assert isinstance(watcher, JaxWatcher)


@pytest.mark.parametrize(
    ("arguments", "options", "reason"),
    [
        ((3,), {}, "unknown"),
        ((nn.Linear(2, 2), torch.ones(1, 2)), {}, "probe_without_loss"),
    ],
)
def test_what_cannot_be_watched(arguments, options, reason):
    with pytest.raises(CannotWatch) as caught:
        gg.watch(*arguments, **options)
    assert caught.value.reason == reason
    assert caught.value.sentence("en") != caught.value.sentence("ko")


@pytest.mark.parametrize("options", [{"every": 0}, {"every": 1.5}, {"budget": 0}, {"budget": 2}])
def test_wrong_options(options):
    with pytest.raises(InvalidValue):
        gg.watch(nn.Linear(2, 2), **options)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"loss": nn.functional.cross_entropy}, "loss_without_probe"),
        ({"to": "watch.jsonl"}, "no_listener"),
        ({"to": [print]}, "no_listener"),
        ({"to": 3}, "no_listener"),
    ],
)
def test_what_does_not_fit_is_said_before_the_training(options, reason):
    with pytest.raises(CannotWatch) as caught:
        gg.watch(nn.Linear(2, 2), **options)
    assert caught.value.reason == reason


@pytest.mark.parametrize("budget", [-1, 0, 2, float("nan")])
def test_a_budget_is_named_as_it_was_given(budget):
    with pytest.raises(InvalidValue) as caught:
        gg.watch(nn.Linear(2, 2), budget=budget)
    assert f"{budget}" in caught.value.sentence()
