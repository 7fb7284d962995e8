"""Every watcher is a Watcher, whatever framework it watches, and its options are known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import keras
import numpy as np
import pytest
import torch

import gradgauge as gg
from gradgauge.errors import UnknownName
from gradgauge.watchers.watcher import Watcher

ROWS = 12


def keras_watcher(**options: Any) -> tuple[Any, Callable[[], None]]:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    watcher = gg.watch(model, **options)
    x, y = np.ones((ROWS, 3)), np.ones((ROWS, 1))
    return watcher, lambda: model.fit(x, y, batch_size=4, verbose=0, callbacks=[watcher])


def pytorch_watcher(**options: Any) -> tuple[Any, Callable[[], None]]:
    model = torch.nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    watcher = gg.watch(model, **options)

    def train() -> None:
        for _ in range(3):
            optimizer.zero_grad()
            model(torch.ones(4, 3)).square().mean().backward()
            optimizer.step()

    return watcher, train


def jax_watcher(**options: Any) -> tuple[Any, Callable[[], None]]:
    def loss(params: Any, x: Any) -> Any:
        return jnp.mean((x @ params) ** 2)

    params = jnp.ones((3, 2))
    watcher = gg.watch(loss, params, **options)

    def train() -> None:
        for _ in range(3):
            watcher.step(params, params, batch=(jnp.ones((4, 3)),))

    return watcher, train


MAKERS = [keras_watcher, pytorch_watcher, jax_watcher]


@pytest.mark.parametrize("make", MAKERS)
def test_one_protocol(make: Any) -> None:
    watcher, train = make()
    assert isinstance(watcher, Watcher)
    assert watcher.steps_done == 0
    with watcher as entered:
        train()
    assert entered is watcher
    assert watcher.steps_done == 3
    assert watcher.run.attributes["framework"].startswith(make.__name__.partition("_")[0])
    watcher.close()
    assert watcher.steps_done == 3


@pytest.mark.parametrize("make", MAKERS)
def test_an_unknown_option_is_answered_by_the_nearest(make: Any) -> None:
    with pytest.raises(UnknownName) as caught:
        make(evry=3)
    assert (caught.value.kind, caught.value.nearest) == ("option", "every")


def test_an_option_of_another_framework_is_unknown() -> None:
    with pytest.raises(UnknownName):
        keras_watcher(scaler=None)
    with pytest.raises(UnknownName):
        jax_watcher(loss=None)
