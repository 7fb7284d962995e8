"""Trainee: what a framework must be able to do for a diagnosis."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from gradgauge.diagnosis.budget import Budget, Span
from gradgauge.diagnosis.facts import Data, Head, Optimizer, Schedule, WatchedTraining
from gradgauge.diagnosis.limits import Limits
from gradgauge.diagnosis.properties.answers import Properties
from gradgauge.diagnosis.properties.indices import Outside
from gradgauge.diagnosis.trial import Change, TrialResult
from gradgauge.gauges.unit_states import saturated
from gradgauge.listening import OnProgress
from gradgauge.signals import LayerSignals
from gradgauge.watchers.measure import Seen

UNSAID_STEPS = 300
"""Steps of a training whose length the user does not give."""
SIMULATED_STEPS = 50_000
"""Most steps of a schedule that are simulated."""
MOST_EPOCHS = 100
SHARPNESS_AT = (0, 1, 4, 16, 64, 256)
"""Steps at which rate times curvature along the step is measured."""
PROBES = 8
NORMS = 24
"""Looks at everything, and at the norms of gradients and updates, in a watched training."""


@dataclass(frozen=True)
class Settings:
    """How a diagnosis goes about it.

    Attributes:
        budget: what trainings may take.
        seeds: how many redrawn weights to try where a fault is a matter of luck.
        on_progress: told of progress.
    """

    budget: Budget = field(default_factory=Budget)
    seeds: int = 2
    on_progress: OnProgress | None = None


class Trainee(Protocol):
    """A model with its loss, optimizer and data, in one framework."""

    framework: str

    def kept(self) -> AbstractContextManager[None]:
        """Within it everything may be changed: after it all is as it was."""
        ...

    def rewind(self) -> None:
        """Weights, optimizer and random states as they were at the start of `kept`."""
        ...

    def heads(self) -> tuple[Head, ...]:
        """The outputs before any training."""
        ...

    def data(self) -> Data:
        """What is trained on."""
        ...

    def optimizer(self) -> Optimizer:
        """What moves the weights."""
        ...

    def schedule(self) -> Schedule | None:
        """The learning rate over the user's whole training, simulated; None: it stays, or depends
        on the losses."""
        ...

    def planned(self) -> int:
        """Steps of the user's own training."""
        ...

    def parameters(self) -> int:
        """How many weights learn."""
        ...

    def on_cpu(self) -> bool:
        """Whether the weights lie in this machine's own memory."""
        ...

    def watched(self, span: Span, on_progress: OnProgress | None = None) -> WatchedTraining:
        """The user's own training, so far as `span` lets it go; (steps made, steps) is told."""
        ...

    def tried(self, change: Change, span: Span) -> TrialResult:
        """The same from the start with one thing changed, not watched."""
        ...

    def dead_with(self, change: Change, span: Span) -> dict[str, float]:
        """Share of dead units by layer after a training with one thing changed."""
        ...

    def indices(self) -> tuple[Outside, ...]:
        """Indices outside of the tables that they are looked up in. Asked before anything else:
        where there are some, a pass may not come to its end."""
        ...

    def properties(self, limits: Limits) -> Properties:
        """What experiments on the model, its loss and its batches say before any training."""
        ...

    def reach(self) -> float | None:
        """How much more the outputs answer to a sequence's first position than to its last."""
        ...


def step_sharpness(
    loss_before: float,
    loss_after: float,
    grads_before: Sequence[np.ndarray | None],
    grads_after: Sequence[np.ndarray | None],
    change: Sequence[np.ndarray],
) -> float:
    """Rate times curvature along a step u: -u.Hu / g.u; 1 goes just as far as is best.

    u.Hu is the change of the gradient along u; where the loss rises by more than that says, the
    loss counts. NaN where the step does not go downhill on these samples.
    """
    if not np.isfinite(loss_before):
        return float("nan")
    downhill, upwards = 0.0, 0.0
    for before, after, u in zip(grads_before, grads_after, change, strict=True):
        if before is None:
            continue
        downhill += float(np.sum(before * u, dtype=np.float64))
        if after is not None:
            upwards += float(np.sum((after - before) * u, dtype=np.float64))
    if not np.isfinite(loss_after) or not np.isfinite(upwards):
        return float("inf")
    if downhill >= 0:
        return float("nan")
    from_loss = 2 * (loss_after - loss_before - downhill) / -downhill
    return max(upwards / -downhill, from_loss if loss_after > loss_before else -np.inf)


LOW_PRECISION = ("bfloat16", "float16")
"""Types of weights in whose rounding the step of a usual training can be lost."""


def share_rounded(
    weights: Iterable[tuple[np.ndarray | None, np.ndarray, np.ndarray]],
) -> float | None:
    """The share of the entries with a gradient that a step has left as they were; None: there is
    no such entry.

    Args:
        weights: of low precision: the gradient, and the values before and after the step.
    """
    still, asked = 0, 0
    for gradient, before, after in weights:
        if gradient is None:
            continue
        pushed = gradient != 0
        asked += int(pushed.sum())
        still += int((pushed & (before == after)).sum())
    return still / asked if asked else None


def saturation(shown: Sequence[Seen]) -> dict[str, float]:
    """Share of saturated values by layer, of bounded activations whose z was seen."""
    found: dict[str, float] = {}
    for row in shown:
        known = row.activation
        if known is None or not known.saturates or row.z is None or row.info.output:
            continue
        signals = LayerSignals(slope=known.slope(row.z), max_slope=known.max_slope, saturates=True)
        found[row.info.name] = float(saturated(signals)["saturated"])
    return found


def standardized(x: np.ndarray) -> np.ndarray:
    """Every feature with mean 0 and spread 1; what is constant becomes 0."""
    flat = x.reshape(len(x), -1).astype(np.float32)
    with np.errstate(invalid="ignore"):
        mean, spread = np.nanmean(flat, axis=0), np.nanstd(flat, axis=0)
    return ((flat - mean) / np.where(spread > 0, spread, 1.0)).reshape(x.shape)


def redrawn(arrays: Sequence[np.ndarray], seed: int) -> list[np.ndarray]:
    """Other weights of the same distribution: every array's own entries in another order."""
    rng = np.random.default_rng(seed)
    return [rng.permutation(a.reshape(-1)).reshape(a.shape) for a in arrays]


def probe_rows(heads: Sequence[Head], batch_size: int, most: int) -> int:
    """How many samples may go through the loss at once.

    A loss whose meaning is not known may be one within the batch (triplets, contrast), of another
    value and of a cost that is no longer linear with more samples: it gets a batch as its user
    gives it.
    """
    own = any(head.loss.kind == "other" for head in heads)
    return min(batch_size, most) if own else most


def bad_samples(x: np.ndarray) -> int:
    """Samples that hold a value that is not finite."""
    if x.dtype.kind != "f":
        return 0
    return int((~np.isfinite(x.reshape(len(x), -1)).all(axis=1)).sum())


def looks_drawn(weight: np.ndarray, sample: np.ndarray) -> bool:
    """Whether two arrays' entries come from one distribution (Kolmogorov & Smirnov, .1 %)."""
    a, b = np.sort(weight.reshape(-1)), np.sort(sample.reshape(-1))
    if np.array_equal(a, b):
        return True
    both = np.concatenate([a, b])
    apart = np.abs(
        np.searchsorted(a, both, side="right") / len(a)
        - np.searchsorted(b, both, side="right") / len(b)
    ).max()
    inside = np.abs(a).max() <= np.abs(b).max() * 1.5
    return bool(inside and apart < 1.95 * np.sqrt(1 / len(a) + 1 / len(b)))


def steps_for(samples: int, batch_size: int, epochs: int | None) -> tuple[int, int]:
    """(steps an epoch, epochs), enough of them where the user does not say."""
    per_epoch = max(-(-samples // batch_size), 1)
    if epochs is None:
        epochs = min(max(-(-UNSAID_STEPS // per_epoch), 1), MOST_EPOCHS)
    return per_epoch, epochs
