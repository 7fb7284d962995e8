"""Overhead of a sweep over the bare ensemble, compared with other ways to train many networks.

    python benchmarks/sweep.py [--cells 64] [--repeats 3] [--without keras,tune,ray]

One run on one machine covers the engine alone, `sweep` with the local runner and with Ray (after
it has started), a loop over Keras, and Ray Tune with a PyTorch trainable. All compilation is done
before anything is timed. The overhead is computed from medians. The contestants take turns, so a
machine that slows down affects all of them.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")

from gradgauge import datasets
from gradgauge.engine.terms import Entry
from gradgauge.engine.train import train
from gradgauge.study.sweep.grid import Axis, Plan
from gradgauge.study.sweep.run import PreparedSweep, sweep
from gradgauge.study.sweep.runners import find_runner

TRAIN, TEST = 20_000, 2_000
DEPTH, WIDTH, BATCH, EPOCHS, RATE = 5, 64, 100, 2, 1e-3
PEER_CELLS = 8
CORES = len(os.sched_getaffinity(0))


def plan(cells: int) -> Plan:
    """So many tanh networks that differ in the scale of their weights."""
    scales = tuple((round(0.5 + 2 * i / cells, 6),) for i in range(cells))
    constants = {
        "activation": "tanh",
        "depth": DEPTH,
        "width": WIDTH,
        "batch_size": BATCH,
        "epochs": EPOCHS,
        "learning_rate": RATE,
    }
    axes = (Axis(("scale",), scales), Axis(("seed",), ((0,),)))
    return Plan(axes, constants, train_samples=TRAIN, test_samples=TEST)


@functools.cache
def data() -> datasets.Dataset:
    return datasets.load("mnist")


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds on the wall, and of this process's cores."""
    began, cores = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - began, time.process_time() - cores


def bare(ready: PreparedSweep) -> None:
    """The engine, with all cells in one call and nothing kept."""
    cells = [ready.cell(i) for i in range(ready.plan.cells)]
    train([Entry(str(c.index), c.network, c.training) for c in cells], ready.dataset)


def local(ready: PreparedSweep) -> None:
    with tempfile.TemporaryDirectory() as folder:
        fresh = PreparedSweep(ready.plan, data())
        assert sweep(fresh, folder)["done"] == ready.plan.cells


def on_ray(ready: PreparedSweep) -> None:
    with tempfile.TemporaryDirectory() as folder:
        assert sweep(ready, folder, find_runner("ray"))["done"] == ready.plan.cells


def keras_loop(ready: PreparedSweep, cells: int) -> None:
    import keras

    known = ready.dataset
    x, x_test = known.x_train / 255.0, known.x_test / 255.0
    for _ in range(cells):
        hidden = [keras.layers.Dense(WIDTH, activation="tanh") for _ in range(DEPTH)]
        model = keras.Sequential([keras.layers.Input((784,)), *hidden, keras.layers.Dense(10)])
        model.compile(
            "adam",
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
        )
        model.fit(x, known.y_train, batch_size=BATCH, epochs=EPOCHS, verbose=0)
        model.evaluate(x_test, known.y_test, verbose=0)


def torch_trainable(config: dict, data: tuple) -> dict:  # noqa: ARG001
    """The same training in PyTorch, on one thread: Tune runs one a core."""
    import torch

    torch.set_num_threads(1)
    x, y, x_test, y_test = (torch.as_tensor(a.copy()) for a in data)
    sizes = [784, *[WIDTH] * DEPTH]
    layers: list[torch.nn.Module] = []
    for fan_in, fan_out in itertools.pairwise(sizes):
        layers += [torch.nn.Linear(fan_in, fan_out), torch.nn.Tanh()]
    model = torch.nn.Sequential(*layers, torch.nn.Linear(WIDTH, 10))
    optimizer = torch.optim.Adam(model.parameters(), RATE)
    for _ in range(EPOCHS):
        order = torch.randperm(len(x))
        for at in range(0, len(x), BATCH):
            rows = order[at : at + BATCH]
            loss = torch.nn.functional.cross_entropy(model(x[rows]), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        return {"accuracy": float((model(x_test).argmax(1) == y_test).float().mean())}


def ray_tune(ready: PreparedSweep, cells: int) -> None:
    from ray import tune

    known = ready.dataset
    arrays = (
        (known.x_train / 255.0).astype("float32"),
        known.y_train.astype("int64"),
        (known.x_test / 255.0).astype("float32"),
        known.y_test.astype("int64"),
    )
    trainable = tune.with_parameters(torch_trainable, data=arrays)
    with tempfile.TemporaryDirectory() as folder:
        tuner = tune.Tuner(
            tune.with_resources(trainable, {"cpu": 1}),
            param_space={"trial": tune.grid_search(list(range(cells)))},
            run_config=tune.RunConfig(storage_path=folder, verbose=0),
        )
        results = tuner.fit()
        assert not results.errors


def overheads(ready: PreparedSweep, repeats: int, skip: set[str]) -> dict:
    """The sweeps and the bare ensemble, taking turns."""
    ways = {"bare": bare, "local": local} | ({} if "ray" in skip else {"ray": on_ray})
    for name, way in ways.items():
        # Once before: compilations, and Ray's workers with JAX in them.
        way(ready if name == "bare" else small())
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    cores: dict[str, list[float]] = {name: [] for name in ways if name != "ray"}
    for _ in range(repeats):
        for name, way in ways.items():
            wall, used = timed(lambda way=way: way(ready))
            seconds[name].append(wall)
            if name in cores:
                cores[name].append(used)
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    used = {name: statistics.median(times) for name, times in cores.items()}
    return {
        "seconds": seconds,
        "cells_per_second": {name: ready.plan.cells / m for name, m in medians.items()},
        "overhead_percent": {
            name: 100 * (m / medians["bare"] - 1) for name, m in medians.items() if name != "bare"
        },
        # Steadier on a machine that others use, too.
        "core_seconds": cores,
        "core_overhead_percent": 100 * (used["local"] / used["bare"] - 1),
    }


def small() -> PreparedSweep:
    """The same shapes, few cells: some for every worker."""
    return PreparedSweep(plan(4 * CORES), data())


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--cells", type=int, default=64)
    options.add_argument("--repeats", type=int, default=3)
    options.add_argument("--without", default="")
    options.add_argument("--out", type=Path)
    given = options.parse_args()
    skip = set(filter(None, given.without.split(",")))
    ready = PreparedSweep(plan(given.cells), data())
    found: dict = {
        "cores": CORES,
        "load_before": os.getloadavg()[0],
        "cells": given.cells,
        "network": f"784-{WIDTH}x{DEPTH}-10 tanh, {EPOCHS} epochs of {TRAIN}, batch {BATCH}",
    }
    if "ray" not in skip:
        from gradgauge.study.sweep.runners.ray import connect

        found["ray_start_seconds"] = timed(lambda: connect(None))[0]
    found |= overheads(ready, given.repeats, skip)
    peers = {"keras": keras_loop, "tune": ray_tune}
    if "ray" in skip:
        skip.add("tune")
    for name, peer in peers.items():
        if name not in skip:
            peer(ready, 1 if name == "keras" else CORES)
            seconds = timed(lambda peer=peer: peer(ready, PEER_CELLS))[0]
            found["cells_per_second"][name] = PEER_CELLS / seconds
    text = json.dumps(found, indent=1)
    print(text)
    if given.out:
        given.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
