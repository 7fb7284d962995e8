"""What a recorded training says of itself: the same rules, without model, data and trials.

A Run holds figures of layers and steps, no weights, no samples and no outputs. Rules that need
those are not applicable; what the others find is about the user's own loop, which a diagnosis that
trains in a loop of its own never sees.
"""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Mapping

import numpy as np

from gradgauge.diagnosis.evidence import Evidence
from gradgauge.diagnosis.facts import Data, Layer, Optimizer, Schedule, TrainingHistory
from gradgauge.diagnosis.finding import Diagnosis, Spent
from gradgauge.diagnosis.learning import judge_course
from gradgauge.diagnosis.limits import Limits, limits_with
from gradgauge.diagnosis.reference import Reference
from gradgauge.diagnosis.rules import rule_of
from gradgauge.diagnosis.session import conclude
from gradgauge.layers import LayerInfo
from gradgauge.run import Run

RATE = "learning_rate"
"""Name of the steps' variable that holds the rate of their updates."""


def diagnose_run(
    run: Run, limits: Mapping[str, float] | None = None, off: Collection[str] = ()
) -> Diagnosis:
    """What can be told from a Run; of several seeds, of the first.

    Args:
        run: of a watched training.
        limits, off: see `diagnose`.

    Raises:
        UnknownName: no such limit or rule.
    """
    began = time.perf_counter()
    chosen = limits_with(limits)
    for name in off:
        rule_of(name)
    with np.errstate(all="ignore"):
        evidence = evidence_of(run, chosen)
        made = evidence.last_step + 1
        return conclude(evidence, off, Spent(made, made), time.perf_counter() - began)


def evidence_of(run: Run, limits: Limits) -> Evidence:
    """The evidence that a Run is."""
    history = _history(run)
    fixed = _probe_losses(run) if run.attributes.get("batch") != "training" else np.zeros(0)
    schedule = _schedule(run)
    return Evidence(
        framework=str(run.attributes.get("framework", "")),
        heads=(),
        layers=tuple(_layer(run, i, info) for i, info in enumerate(run.layers)),
        optimizer=Optimizer("", schedule.base if schedule else math.nan, can_vary=False),
        data=Data((), 0, 0),
        limits=limits,
        reference=Reference(math.nan),
        learning=judge_course(history, fixed, _guessing(run), limits["learning"]),
        run=run,
        history=history,
        schedule=schedule,
        recorded=True,
    )


def _history(run: Run) -> TrainingHistory | None:
    """The losses of the kept steps; of the probes where nobody told those of the steps."""
    made = int(run.figure("steps_done")[0])
    broke = int(run.figure("non_finite_step")[0])
    if made <= 0 and broke < 0:
        return None
    losses = _losses(run, "steps")
    losses = losses if np.isfinite(losses).any() else _probe_losses(run)
    return TrainingHistory(
        losses[~np.isnan(losses)],
        made,
        broke if broke >= 0 else None,
        _where(run) if broke >= 0 else None,
        made=made,
    )


def _where(run: Run) -> tuple[str, str] | None:
    """The layer and the operation of the first value that is not finite."""
    place = int(run.figure("non_finite_layer")[0])
    names = [layer.name for layer in run.layers]
    if not 0 < place <= len(names):
        return None
    return names[place - 1], str(run.attributes.get("non_finite_operation") or "loss")


def _losses(run: Run, group: str) -> np.ndarray:
    if "loss" not in run.groups[group].variables:
        return np.zeros(0)
    values = np.asarray(run.values(group, "loss"), np.float64)
    return values[0] if values.ndim == 2 else np.zeros(0)


def _probe_losses(run: Run) -> np.ndarray:
    return _losses(run, "probes")


def _guessing(run: Run) -> float:
    """The cross-entropy of equal odds, if the network has one output layer and that chooses:
    ln K of K classes, ln 2 of one unit."""
    outputs = {layer.units for layer in run.layers if layer.output and layer.units > 0}
    return math.log(max(outputs.pop(), 2)) if len(outputs) == 1 else math.nan


def _schedule(run: Run) -> Schedule | None:
    group = run.groups["steps"]
    if RATE not in group.variables:
        return None
    rates, steps = run.values("steps", RATE)[0], group.coords["step"]
    known = np.isfinite(rates)
    if not known.any():
        return None
    top = float(run.attributes.get("cycle_top", math.nan))
    return Schedule(steps[known], rates[known], float(rates[known][0]), recorded=True, top=top)


def _layer(run: Run, index: int, info: LayerInfo) -> Layer:
    """A layer without its weights: whether they moved is told by the updates."""
    updates = _by_layer(run, "steps", "update_ratio")
    grads = _by_layer(run, "steps", "weight_grad_norm")
    norms = _by_layer(run, "steps", "weight_norm")
    seen = np.isfinite(updates)
    ours = seen[:, index] if seen.size else np.zeros(0, bool)
    # NaN where others have a figure: no optimizer that was seen has these weights.
    missing = bool(seen.any()) and not ours.any()
    arrives = bool(grads.size) and bool((np.nan_to_num(grads[:, index]) > 0).any())
    return Layer(
        info,
        (),
        in_optimizer=not (missing and info.trainable and arrives),
        moves=bool((updates[ours, index] > 0).any()) if ours.any() else None,
        empty=bool(norms.size) and bool(norms[0, index] == 0),
    )


def _by_layer(run: Run, group: str, name: str) -> np.ndarray:
    if name not in run.groups[group].variables:
        return np.zeros((0, 0))
    values = np.asarray(run.values(group, name), np.float64)
    return values[0] if values.ndim == 3 else np.zeros((0, 0))
