"""A tiny training shown in the live page by a listener; Keras and JAX each in a process of its own.

`python -m tests.play.watched_case keras|jax` prints `FOUND ` and the page's history beside the Run.
"""

from __future__ import annotations

import itertools
import json
import sys
from typing import Any

import numpy as np
from websockets.sync.client import connect

import gradgauge as gg

SIZES = (6, 8, 8, 8, 3)
STEPS = 6
GAUGES = ("delta_norm", "slope_gain", "signal_spread")


def history(listener: Any) -> Any:
    """All that a page which comes now is told; nobody that comes may drive."""
    host = listener.address.split("/")[2]
    token = listener.address.partition("token=")[2]
    with connect(
        f"ws://{host}/live?token={token}", origin=f"http://{host}", max_size=None, proxy=None
    ) as line:
        while (message := json.loads(line.recv(timeout=20)))["kind"] != "history":
            assert message.get("driving") is not True
        return message


def data() -> tuple[np.ndarray, np.ndarray]:
    draws = np.random.default_rng(0)
    return draws.normal(size=(64, 6)).astype(np.float32), draws.integers(0, 3, 64)


def keras(listener: Any) -> Any:
    import keras

    keras.utils.set_random_seed(0)
    hidden = [keras.layers.Dense(units, activation="tanh") for units in SIZES[1:-1]]
    model = keras.Sequential([keras.Input((SIZES[0],)), *hidden, keras.layers.Dense(SIZES[-1])])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer="sgd", loss=loss)
    watcher = gg.watch(model, every=1, to=[listener])
    x, y = data()
    model.fit(x, y, batch_size=32, epochs=STEPS // 2, callbacks=[watcher], verbose=0)
    return watcher.run


def jax(listener: Any) -> Any:
    import jax
    import jax.numpy as jnp

    draws = np.random.default_rng(1)
    params = {
        f"layer{at}": {
            "kernel": jnp.asarray(draws.normal(size=pair) / np.sqrt(pair[0]), jnp.float32),
            "bias": jnp.zeros(pair[1]),
        }
        for at, pair in enumerate(itertools.pairwise(SIZES))
    }

    def loss(params: Any, x: Any, y: Any) -> Any:
        for at in range(len(SIZES) - 1):
            layer = params[f"layer{at}"]
            x = x @ layer["kernel"] + layer["bias"]
            x = jnp.tanh(x) if at < len(SIZES) - 2 else x
        return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(x), y[:, None], 1))

    x, y = map(jnp.asarray, data())
    watcher = gg.watch(loss, params, every=1, to=[listener])
    gradients = jax.jit(jax.value_and_grad(loss))
    for _ in range(STEPS):
        value, grads = gradients(params, x, y)
        updates = jax.tree.map(lambda g: -0.1 * g, grads)
        watcher.step(params, grads, updates, batch=(x, y), loss=value)
        params = jax.tree.map(jnp.add, params, updates)
    watcher.close()
    return watcher.run


def plain(values: Any) -> list[float | None]:
    return [None if np.isnan(v) else float(v) for v in np.asarray(values, np.float64)]


def main() -> None:
    listener = gg.PlayListener(port=0, browser=False)
    run = {"keras": keras, "jax": jax}[sys.argv[1]](listener)
    kept = {
        int(step): {gauge: plain(run.values("probes", gauge)[0, row]) for gauge in GAUGES}
        for row, step in enumerate(run.groups["probes"].coords["probe_step"])
    }
    found = {"told": history(listener), "names": [layer.name for layer in run.layers], "kept": kept}
    listener.close()
    print("FOUND " + json.dumps(found))


if __name__ == "__main__":
    main()
