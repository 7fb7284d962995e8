"""How a training of somebody's own is scored: by a figure of its outputs that no change can touch."""

from __future__ import annotations

import math

import numpy as np

from gradgauge.own.data import rows_of
from gradgauge.own.loops import loop_of
from gradgauge.own.loops.loop import Loop
from gradgauge.own.score import accuracy, explained_variance, has_bits
from gradgauge.own.states import kept_states
from gradgauge.own.train import EVALUATION_ROWS, Network, made_for
from gradgauge.remedies.surgery.site import Site
from gradgauge.remedies.trainer import Metric

WORST = {"test_accuracy": 0.0, "explained_variance": -1.0, "test_loss": 1e6}
"""Scores of what broke off: what lies beyond has diverged all the same."""

_FEW = 64
"""Rows that tell what kind of loss it is."""


def metric_of(network: Network) -> Metric:
    """Accuracy or explained variance of the outputs; the loss where there are none."""
    if not network.facts.answers:
        return Metric("test_loss", higher_is_better=False, rests_on_loss=True)
    return Metric("test_accuracy" if _has_classes(network) else "explained_variance")


def _has_classes(network: Network) -> bool:
    """Whether targets are classes: whole numbers and one-hot rows are, and zeros and ones of a loss
    that is not the squared error of the outputs."""
    data, kind = network.data, network.facts.loss_kind
    if data.classes or not (has_bits(data.y, kind) and has_bits(data.test_y, kind)):
        return data.classes
    return bool(kind) or not _is_squared_error(network)


def _is_squared_error(network: Network) -> bool:
    """Whether a loss without a known name gives the squared error for a few rows."""
    data = network.data
    x, y = rows_of(data.x, slice(0, _FEW)), data.y[:_FEW]
    with kept_states(), np.errstate(all="ignore"):
        loop = loop_of(made_for(network, 0))
        try:
            outputs, loss = loop.outputs(x, _FEW), loop.loss(x, y, _FEW)
        # What a user's parts answer is whatever they happen to raise: the training tells of it.
        except Exception:  # noqa: BLE001
            return False
    if outputs is None or outputs.size != y.size:
        return False
    return bool(np.isclose(loss, np.mean((outputs.reshape(y.shape) - y) ** 2), rtol=1e-3))


def score_of(loop: Loop, site: Site, rows: np.ndarray, name: str) -> float:
    """The metric on some of the test rows; the worst one of what broke off.

    Args:
        loop: what was trained.
        site: its data, which a remedy may have changed, and how outputs are brought back.
        rows: numbers of test rows.
        name: of the metric.
    """
    x, y = rows_of(site.data.test_x, rows), site.data.test_y[rows]
    if name == "test_loss":
        loss = math.nan if loop.broke() else loop.loss(x, y, EVALUATION_ROWS)
        return min(loss, WORST[name]) if math.isfinite(loss) else WORST[name]
    outputs = None if loop.broke() else loop.outputs(x, EVALUATION_ROWS)
    if outputs is None:
        return WORST[name]
    outputs = outputs if site.restored is None else site.restored(outputs)
    found = (accuracy if name == "test_accuracy" else explained_variance)(outputs, y)
    return max(found, WORST[name]) if math.isfinite(found) else WORST[name]


def halves(test_y: np.ndarray) -> dict[str, np.ndarray]:
    """The test rows in two halves: candidates are chosen on the one, confirmed on the other. What
    has no target that is a number is in neither."""
    known = np.flatnonzero(np.isfinite(test_y.reshape(len(test_y), -1)).all(axis=1))
    known = known if len(known) else np.arange(len(test_y))
    count = len(known)
    order = known[np.random.default_rng(count).permutation(count)]
    half = max(count // 2, 1)
    return {"screen": np.sort(order[:half]), "confirm": np.sort(order[-half:])}
