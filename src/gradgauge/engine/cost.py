"""How long trainings will take, told before they start. Knows nothing of JAX.

A training's length is counted in floating-point operations, and this machine's speed is timed on
one product of matrices: right to a factor of about two, which is what decides whether to wait.
"""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Sequence

import numpy as np

from gradgauge.engine.limits import schedule_of
from gradgauge.engine.terms import Entry
from gradgauge.gauges import PROBE_SAMPLES
from gradgauge.machine import cores
from gradgauge.spec.network import NetworkSpec
from gradgauge.spec.training import TrainingSpec

OPERATIONS = 6
"""Of a weight, a sample and a position: a product and a sum forward, two of each backward."""

# A step's cost beside its multiplications: floating-point operations a layer that would take
# as long as the rest of it, so that narrow deep networks are not thought free.
_PER_LAYER = 4e6

_STEP_SECONDS = 5e-3
"""What a framework takes for a step of somebody's own network beside its multiplications."""

_SIDE, _TIMES = 384, 3


def work(network: NetworkSpec, training: TrainingSpec, samples: int) -> float:
    """One training's length, in floating-point operations or what takes as long.

    Args:
        network, training: of one member.
        samples: to train on.
    """
    when = schedule_of(network, training, samples)
    steps, looks = when.total, len(when.probes)
    rows = float(steps) * training.batch_size + looks * PROBE_SAMPLES
    return OPERATIONS * network.parameters * rows + _PER_LAYER * network.depth * (steps + looks)


def entries_seconds(entries: Sequence[Entry], samples: int) -> float:
    """About how long trainings take in the engine on this machine's cores, one a core.

    Args:
        entries: all that is to be trained.
        samples: to train on.
    """
    works = [
        work(entry.network, entry.training, samples)
        for entry in entries
        for _ in entry.training.seeds
    ]
    # A training is not divided: the longest alone is the least that it takes.
    per_core = speed() / cores()
    return max(sum(works) / speed(), max(works, default=0.0) / per_core)


def model_seconds(parameters: int, rows: int, places: float, steps: int) -> float:
    """About how long so many steps of somebody's own network take.

    Args:
        parameters: how many weights learn.
        rows: samples a step.
        places: as `positions`.
        steps: how many.
    """
    return steps * (OPERATIONS * float(parameters) * rows * places / speed() + _STEP_SECONDS)


def positions(shapes: Sequence[tuple[int, ...]], tokens: bool = False) -> float:
    """At how many places a weight is used in one pass over a sample, about.

    A sequence has its length; an image the root of its pixels, for strides and pools leave about
    so many.

    Args:
        shapes: of the inputs, samples first.
        tokens: whether inputs of two axes are sequences of tokens.
    """
    if not shapes:
        return 1.0
    shape = max(shapes, key=len)
    if len(shape) >= 4:
        # Channels stand first or last: they are the smallest of the three axes.
        return math.sqrt(math.prod(shape[1:]) / max(min(shape[1:]), 1))
    if len(shape) == 3:
        return float(shape[1])
    return float(shape[1]) if tokens and len(shape) == 2 else 1.0


@functools.cache
def speed() -> float:
    """Floating-point operations a second of all cores together, timed once: some milliseconds."""
    a = np.ones((_SIDE, _SIDE), np.float32)
    taken = []
    for _ in range(_TIMES):
        began = time.perf_counter()
        np.matmul(a, a)
        taken.append(time.perf_counter() - began)
    return 2.0 * _SIDE**3 / max(min(taken), 1e-9)
