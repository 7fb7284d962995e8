"""Comparisons to report on: small, and each with something that a report may stumble over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from gradgauge.datasets import Dataset
from gradgauge.run import Group, Run
from gradgauge.spec.comparison import read_comparison
from gradgauge.study.compare import Comparison, run_comparison

CASES = ("two", "one", "three", "deep", "zeros", "non_finite", "regression", "residual", "cut_off")
LANGUAGES = ("en", "ko")


def _compared(data: Dataset, *networks: str, **options: object) -> Comparison:
    given = {"epochs": 2, "batch_size": 50, **options}
    return run_comparison(read_comparison(networks, **given), data)


def _regression(data: Dataset) -> Dataset:
    def target(x: np.ndarray) -> np.ndarray:
        return x[:, :2].astype(np.float64)

    return replace(data, y_train=target(data.x_train), y_test=target(data.x_test))


def without_members(run: Run) -> Run:
    """What Ctrl-C leaves of a network that had not begun."""

    def emptied(group: Group) -> Group:
        coords = {k: v[:0] if k == "member" else v for k, v in group.coords.items()}
        variables = {
            k: (axes, array[:0] if axes[:1] == ("member",) else array)
            for k, (axes, array) in group.variables.items()
        }
        return Group(coords, variables)

    return Run(run.attributes, emptied(run.members), {k: emptied(g) for k, g in run.groups.items()})


@pytest.fixture(scope="session")
def comparisons(blobs: Dataset) -> Callable[[str], Comparison]:
    """A comparison by its case's name, trained once a session."""
    made: dict[str, Comparison] = {}

    def make(case: str) -> Comparison:
        if case == "two":
            return _compared(blobs, "relu", "sigmoid", depth=4, width=8, seeds=2)
        if case == "one":
            return _compared(blobs, "tanh", depth=3, width=8)
        if case == "three":
            return _compared(blobs, "relu", "12-8x2-3 tanh", "12-8x3:sigmoid-6:relu-3", depth=3,
                             width=8)  # fmt: skip
        if case == "deep":
            return _compared(blobs, "12-8x150-3 sigmoid", epochs=1)
        if case == "zeros":
            return _compared(blobs, "12-8x5-3 relu scale=1e-12", "relu", depth=3, width=8, seeds=2)
        if case == "non_finite":
            return _compared(blobs, "relu", "tanh", depth=3, width=8, optimizer="sgd",
                             learning_rate=1e30)  # fmt: skip
        if case == "regression":
            data = _regression(blobs)
            return _compared(data, "12-8x3-2 relu", "12-8x3-2 tanh", loss="mse", seeds=2)
        if case == "residual":
            return _compared(blobs, "12-8x4-3 relu norm=layer skip=2")
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
