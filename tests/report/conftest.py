"""Comparisons to report on: one is trained, the others are made up, each with something that a
report may stumble over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gradgauge.datasets import Dataset
from gradgauge.gauges import QUANTITIES, STEP_QUANTITIES
from gradgauge.report.page.gauge_tables import QUANTITIES as PROBED
from gradgauge.run import Run, RunGroup
from gradgauge.spec.comparison import read_comparison
from gradgauge.spec.network import NetworkSpec
from gradgauge.spec.notation import write
from gradgauge.study.compare.result import Comparison
from gradgauge.study.compare.run import run_comparison

CASES = ("two", "one", "three", "deep", "zeros", "non_finite", "regression", "residual", "cut_off")
LANGUAGES = ("en", "ko")
EPOCHS, PER_EPOCH = 2, 4
PROBES = np.array([0, 1, 2, 4, 8])


def made_up(data: Dataset, *networks: str, gain: float = 0.3, **options: Any) -> Comparison:
    """A comparison with the Runs that a training would leave, but nothing trained.

    Args:
        data: what it is told to be trained on.
        networks: as `compare` takes them.
        gain: every layer's slope gain before training.
        options: as `compare` takes them.
    """
    spec = read_comparison(networks, epochs=EPOCHS, batch_size=50, **options)
    specs = spec.fitting(data.inputs, data.outputs)
    seeds = np.array(spec.training.seeds)
    runs = {name: _run(name, network, seeds, gain) for name, network in specs.items()}
    seconds = dict.fromkeys(("total", "data", "compile", "train", "evaluate", "report"), 1.0)
    return Comparison(spec, specs, runs, data, seconds)


def _run(name: str, network: NetworkSpec, seeds: np.ndarray, gain: float) -> Run:
    rng = np.random.default_rng(len(name))
    layers = np.arange(1, network.depth + 2)
    steps = np.arange(EPOCHS * PER_EPOCH)
    shape = (len(seeds), len(PROBES), len(layers))
    probes: dict[str, np.ndarray] = {q: rng.uniform(0.1, 0.9, shape) for q in PROBED}
    probes["slope_gain"] = gain * rng.uniform(0.9, 1.1, shape)
    probes["weight_gain"] = rng.uniform(0.9, 1.1, shape)
    probes["backward_gain"] = probes["slope_gain"] * probes["weight_gain"]
    products = np.cumprod(probes["backward_gain"][..., -2::-1], axis=-1)[..., ::-1]
    probes["delta_norm"] = 0.03 * np.concatenate([products, np.ones_like(products[..., :1])], -1)
    for quantity, values in probes.items():
        if QUANTITIES[quantity].hidden_only or quantity == "signal_spread":
            values[..., -1] = np.nan
    axes = ("member", "probe_step", "layer")
    kept = {q: rng.uniform(0.1, 1, (len(seeds), len(steps), len(layers))) for q in STEP_QUANTITIES}
    variables = {q: (("member", "step", "layer"), v) for q, v in kept.items()}
    variables["loss"] = (("member", "step"), rng.uniform(0.1, 2, (len(seeds), len(steps))))
    courses = {f: rng.uniform(0.1, 0.9, (len(seeds), EPOCHS)) for f in ("loss", "accuracy")}
    figures = {
        "test_loss": rng.uniform(0.1, 2, len(seeds)),
        "test_accuracy": rng.uniform(0.1, 0.9, len(seeds)),
        "non_finite_step": np.full(len(seeds), -1),
        "non_finite_layer": np.full(len(seeds), -1),
        "steps_done": np.full(len(seeds), len(steps)),
    }
    member = {"member": seeds}
    attributes = {
        "name": name,
        "notation": write(network),
        "parameters": network.parameters,
        "dataset": "blobs",
        "dataset_fingerprint": "0" * 64,
        "gradgauge_version": "0.1.0",
        "jax_version": "0.0",
        "device": "cpu",
    }
    return Run(
        attributes,
        RunGroup(member, {k: (("member",), v) for k, v in figures.items()}),
        {
            "steps": RunGroup({**member, "step": steps, "layer": layers}, variables),
            "probes": RunGroup(
                {**member, "probe_step": PROBES, "layer": layers},
                {q: (axes, v.astype(np.float32)) for q, v in probes.items()},
            ),
            "epochs": RunGroup(
                {**member, "epoch": np.arange(1, EPOCHS + 1)},
                {k: (("member", "epoch"), v) for k, v in courses.items()},
            ),
        },
    )


def _underflowed(comparison: Comparison, name: str) -> Comparison:
    """From layer 3 down nothing arrives, in float32."""
    probes = comparison.runs[name].groups["probes"].variables
    for quantity in ("delta_norm", "g_norm", "weight_grad_norm", "signal_spread"):
        probes[quantity][1][..., :3] = 0
    for quantity in ("backward_gain", "weight_gain", "slope_gain"):
        probes[quantity][1][..., :2] = np.nan
    return comparison


def _broken_down(comparison: Comparison, name: str) -> Comparison:
    """Non-finite at step 5, first in layer 2; the last probe that was taken shows it."""
    run = comparison.runs[name]
    for _, values in run.groups["probes"].variables.values():
        values[:, 4:] = np.nan
    for quantity in ("delta_norm", "signal_spread", "slope_gain", "weight_gain", "z_std"):
        run.groups["probes"].variables[quantity][1][:, 3] = np.nan
    run.groups["probes"].variables["g_norm"][1][:, 3] = np.inf
    for _, values in run.groups["steps"].variables.values():
        values[:, 5:] = np.nan
    for _, values in run.groups["epochs"].variables.values():
        values[:, 1:] = np.nan
    for figure, value in (
        ("non_finite_step", 5),
        ("non_finite_layer", 2),
        ("steps_done", 6),
        ("test_loss", np.nan),
    ):
        run.members.variables[figure][1][:] = value
    return comparison


def _regression(data: Dataset) -> Dataset:
    def target(x: np.ndarray) -> np.ndarray:
        return x[:, :2].astype(np.float64)

    return replace(data, y_train=target(data.x_train), y_test=target(data.x_test))


def without_members(run: Run) -> Run:
    """What Ctrl-C leaves of a network that had not begun."""

    def emptied(group: RunGroup) -> RunGroup:
        coords = {k: v[:0] if k == "member" else v for k, v in group.coords.items()}
        variables = {
            k: (axes, array[:0] if axes[:1] == ("member",) else array)
            for k, (axes, array) in group.variables.items()
        }
        return RunGroup(coords, variables)

    return Run(run.attributes, emptied(run.members), {k: emptied(g) for k, g in run.groups.items()})


@pytest.fixture(scope="session")
def comparisons(blobs: Dataset) -> Callable[[str], Comparison]:
    """A comparison by its case's name, trained once a session."""
    made: dict[str, Comparison] = {}

    def make(case: str) -> Comparison:
        if case == "two":
            options = {"depth": 4, "width": 8, "seeds": 2, "epochs": 2, "batch_size": 50}
            return run_comparison(read_comparison(("relu", "sigmoid"), **options), blobs)
        if case == "one":
            return made_up(blobs, "tanh", depth=3, width=8)
        if case == "three":
            return made_up(blobs, "relu", "12-8x2-3 tanh", "12-8x3:sigmoid-6:relu-3", depth=3)
        if case == "deep":
            return made_up(blobs, "12-8x150-3 sigmoid", gain=0.6)
        if case == "zeros":
            return _underflowed(
                made_up(blobs, "12-8x5-3 relu scale=1e-12", "relu", seeds=2),
                "12-8x5-3 relu scale=1e-12",
            )
        if case == "non_finite":
            return _broken_down(made_up(blobs, "relu", "tanh", depth=3), "relu")
        if case == "regression":
            data = _regression(blobs)
            return made_up(data, "12-8x3-2 relu", "12-8x3-2 tanh", loss="mse", seeds=2)
        if case == "residual":
            return made_up(blobs, "12-8x4-3 relu norm=layer skip=2", gain=1.3)
        two = get("two")
        runs = {**two.runs, "sigmoid": without_members(two.runs["sigmoid"])}
        return replace(two, runs=runs, interrupted=True)

    def get(case: str) -> Comparison:
        if case not in made:
            made[case] = make(case)
        return made[case]

    return get


@pytest.fixture(params=CASES)
def comparison(request: pytest.FixtureRequest, comparisons: Callable[[str], Comparison]):
    """Every case."""
    return comparisons(request.param)


@pytest.fixture
def two(comparisons: Callable[[str], Comparison]) -> Comparison:
    """Two networks, two seeds."""
    return comparisons("two")
