"""How much a training keeps, when it looks, and what it takes. Knows nothing of JAX."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from gradgauge.engine.terms import Entry
from gradgauge.errors import TooLarge
from gradgauge.gauges import PROBE_QUANTITIES, PROBE_SAMPLES, STEP_QUANTITIES
from gradgauge.machine import free_memory
from gradgauge.run import MOST_STEPS
from gradgauge.spec.network import NetworkSpec
from gradgauge.spec.notation import write
from gradgauge.spec.training import TrainingSpec

MOST_BYTES = 64 * 2**20
"""Most memory of all kept steps of one Run, whatever the number of its members."""

MOST_PROBES = 128
"""Most probes of one training."""

EARLY_SHARE = 0.1
"""Most of a training's samples that the probes within its first epoch may take."""

LEAST_EARLY = 4
"""Probes within the first epoch that are taken all the same: the course at the start shows."""

# What one member takes while it trains: gradients, slots and copies of its parameters; arrays a
# unit and sample of a batch.
_COPIES_OF_PARAMETERS = 8
_TAPS_PER_UNIT = 8
_COPIES_OF_WEIGHTS = 4

_PROGRAMS = 3e8
"""What JAX and its compiler take, whatever they compile. Source: `python -m benchmarks.cost`."""

_FILE_BYTES = 40_000
"""A Run's file beside its gauges."""


@dataclass(frozen=True)
class ProbeSchedule:
    """When to write what down.

    Attributes:
        per_epoch: steps in an epoch.
        total: steps in the training.
        stride: every `stride`-th step's gauges are kept.
        probes: step counts before which a probe is taken, 0 first and `total` last.
    """

    per_epoch: int
    total: int
    stride: int
    probes: tuple[int, ...]

    @property
    def kept(self) -> np.ndarray:
        """The kept steps, counted from 0."""
        return np.arange(0, self.total, self.stride)


def schedule(
    per_epoch: int, epochs: int, layers: int, members: int, itemsize: int, probe: float
) -> ProbeSchedule:
    """Gauges of every step while they are few; probes dense at first, then at epoch ends.

    Probes are taken before training, at steps 1, 2, 4, ... of the first epoch and after every
    epoch, thinned evenly to MOST_PROBES. Where those of the first epoch would take more than
    EARLY_SHARE of a short training, it is steps 1, 4, 16, ... or 1, 8, 64, ..., if LEAST_EARLY of
    them remain. Steps are thinned by the least whole stride that keeps both MOST_STEPS and
    MOST_BYTES.

    Args:
        per_epoch: steps in an epoch.
        epochs: of the training.
        layers: of the network, the output included.
        members: trainings in one Run.
        itemsize: bytes of a number.
        probe: samples of a probe for each of a step.
    """
    total = per_epoch * epochs
    size = total * members * layers * len(STEP_QUANTITIES) * itemsize
    stride = max(-(-total // MOST_STEPS), -(-size // MOST_BYTES), 1)
    powers = [2**k for k in range(per_epoch.bit_length()) if 2**k < per_epoch]
    early = powers
    for every in (2, 3):
        if len(early) * probe > EARLY_SHARE * total and len(powers[::every]) >= LEAST_EARLY:
            early = powers[::every]
    ends = [per_epoch * (e + 1) for e in range(epochs)]
    probes = sorted({0, *early, *ends})
    if len(probes) > MOST_PROBES:
        picked = np.linspace(0, len(probes) - 1, MOST_PROBES).round().astype(int)
        probes = [probes[i] for i in picked]
    return ProbeSchedule(per_epoch, total, stride, tuple(probes))


def schedule_of(network: NetworkSpec, training: TrainingSpec, samples: int) -> ProbeSchedule:
    """The schedule of a network's training on so many samples.

    Raises:
        InvalidValue: a batch larger than the data.
    """
    return schedule(
        training.steps_per_epoch(samples),
        training.epochs,
        network.depth + 1,
        len(training.seeds),
        np.dtype(training.dtype).itemsize,
        min(samples, PROBE_SAMPLES) / training.batch_size,
    )


def member_bytes(network: NetworkSpec, training: TrainingSpec) -> float:
    """Bytes that one training takes while it runs."""
    units = network.inputs + _TAPS_PER_UNIT * sum(layer.width for layer in network.hidden)
    rows = max(training.batch_size, PROBE_SAMPLES)
    itemsize = np.dtype(training.dtype).itemsize
    return itemsize * (rows * units + _COPIES_OF_PARAMETERS * network.parameters)


def run_bytes(network: NetworkSpec, training: TrainingSpec, samples: int) -> float:
    """Bytes of one member's part of a Run, in memory and on disk."""
    when = schedule_of(network, training, samples)
    per_layer = len(when.kept) * len(STEP_QUANTITIES) + len(when.probes) * len(PROBE_QUANTITIES)
    itemsize = np.dtype(training.dtype).itemsize
    return itemsize * (network.depth + 1) * per_layer + _FILE_BYTES


def needed(members: Iterable[tuple[NetworkSpec, TrainingSpec]]) -> float:
    """Bytes that a process takes, beyond what it has, to train these members at once."""
    return _PROGRAMS + sum(member_bytes(network, training) for network, training in members)


def check_memory(entries: Sequence[Entry], lanes: int) -> None:
    """Raise unless the largest trainings that may run at once fit into the memory that is free.

    Args:
        entries: all that is to be trained.
        lanes: trainings at once.

    Raises:
        TooLarge: they do not.
    """
    taken = sorted(
        (
            (member_bytes(entry.network, entry.training), at)
            for at, entry in enumerate(entries)
            for _ in entry.training.seeds[:lanes]
        ),
        reverse=True,
    )[:lanes]
    largest = [(entries[at].network, entries[at].training) for _, at in taken]
    if largest:
        check_fits(write(largest[0][0]), needed(largest))


def model_bytes(parameters: int) -> float:
    """Bytes that somebody's own network takes to be trained, beside its weights: a gradient, the
    optimizer's two slots, and the weights of a step before. Other sizes are not known."""
    return 4.0 * _COPIES_OF_WEIGHTS * parameters


def check_fits(name: str, needs: float) -> None:
    """Raise unless so many bytes are free.

    Args:
        name: of what needs them: a notation, or what a user calls his network.
        needs: bytes.

    Raises:
        TooLarge: they are not.
    """
    has = free_memory()
    if needs > has:
        raise TooLarge(name, needs, has)
