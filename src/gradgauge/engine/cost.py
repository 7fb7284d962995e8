"""How long trainings will take, told before they start. Knows nothing of JAX.

What a training does is counted in additions, one number of an array each, and this machine is timed
at adding, in one thread's own time, so that nothing that runs beside it counts: right to a factor
of about two on a machine that does nothing else, which is what decides whether to wait.
"""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Sequence

import numpy as np

from gradgauge.engine.limits import schedule_of
from gradgauge.engine.program_key import program_key
from gradgauge.engine.terms import Entry
from gradgauge.gauges import PROBE_SAMPLES
from gradgauge.machine import cores
from gradgauge.spec.network import NetworkSpec
from gradgauge.spec.training import TrainingSpec

OPERATIONS = 6
"""Of a weight, a sample and a position: a product and a sum forward, two of each backward."""

# Source: `python -m benchmarks.cost`, its table in benchmarks/README.md. In additions: an operation
# of a product; the optimizer and the gauges, a weight and step; activations and gauges, a unit and
# sample; what begins and ends a layer's kernels; a training beside its steps; a program key's compilation.
_PER_OPERATION = 0.1
_PER_WEIGHT = 38
_PER_UNIT = 60
_PER_LAYER = 1e5
_PER_TRAINING = 7e8
_PER_PROGRAM = 3.8e10

_STEP_SECONDS = 5e-3
"""What a framework takes for a step of somebody's own network beside its multiplications."""

_NUMBERS, _ADDED = 2**16, 2**22
_SIDE, _PRODUCTS = 64, 100
_TIMES = 5


def work(network: NetworkSpec, training: TrainingSpec, samples: int) -> float:
    """One training's length, in additions or what takes as long.

    Args:
        network, training: of one member.
        samples: to train on.
    """
    when = schedule_of(network, training, samples)
    steps, looks = when.total, len(when.probes)
    rows = float(steps) * training.batch_size + looks * PROBE_SAMPLES
    units = sum(layer.width for layer in network.hidden)
    return (
        _PER_OPERATION * OPERATIONS * network.parameters * rows
        + _PER_WEIGHT * network.parameters * steps
        + _PER_UNIT * units * rows
        + _PER_LAYER * network.depth * (steps + looks)
        + _PER_TRAINING
    )


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
    activations = frozenset(a for entry in entries for a in entry.network.activations)
    keys = {program_key(e.network, e.training, samples, activations) for e in entries}
    compiling = _PER_PROGRAM * len(keys) / cores()
    # A training is not divided: the longest alone is the least that it takes.
    training = max(sum(works) / cores(), max(works, default=0.0))
    return (compiling + training) / additions()


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
def additions() -> float:
    """Additions a second of one core, timed once: some milliseconds."""
    a, b = np.ones((2, _NUMBERS), np.float32)

    def add() -> None:
        for _ in range(_ADDED // _NUMBERS):
            np.add(a, b, out=b)

    return _ADDED / _quickest(add)


@functools.cache
def speed() -> float:
    """Floating-point operations a second of all cores together, in products of matrices by what
    NumPy calls; timed once: some milliseconds."""
    a = np.ones((_SIDE, _SIDE), np.float32)  # So small that one thread does it.

    def multiply() -> None:
        for _ in range(_PRODUCTS):
            np.matmul(a, a)

    return cores() * _PRODUCTS * 2.0 * _SIDE**3 / _quickest(multiply)


def _quickest(timed: Callable[[], None]) -> float:
    """Seconds of this thread's own that it takes, where nothing disturbs it."""
    taken = []
    for _ in range(_TIMES):
        began = time.thread_time()
        timed()
        taken.append(time.thread_time() - began)
    return max(min(taken), 1e-9)
