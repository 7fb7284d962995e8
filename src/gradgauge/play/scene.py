"""A scene: the networks that settings describe, their data, and the steps that are shown."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gradgauge import datasets
from gradgauge.datasets import Dataset
from gradgauge.datasets.facts import majority_share
from gradgauge.engine.limits import ProbeSchedule
from gradgauge.engine.terms import Entry
from gradgauge.errors import Problem
from gradgauge.gauges import PROBE_SAMPLES
from gradgauge.parts.losses import LOSSES
from gradgauge.places import is_file
from gradgauge.play.prediction import predict_ladders
from gradgauge.play.settings import Settings, values, write
from gradgauge.spec.notation import write as notation

FRAMES = 150
"""How many steps of a training are shown, beside those that a Run probes."""

MOST_WORK = 2e13
"""Parameters times samples times epochs times seeds, over both networks: an hour on two cores."""


class PlayProblem(Problem):
    """Settings that nothing can be trained with."""

    table = "play"


@dataclass(frozen=True)
class Scene:
    """What is trained.

    Attributes:
        settings: as asked.
        dataset: the data.
        entries: one a network.
    """

    settings: Settings
    dataset: Dataset
    entries: tuple[Entry, ...]


def scene_of(settings: Settings, own_data: Path | None) -> Scene:
    """The scene that settings describe.

    Args:
        settings: read of an address.
        own_data: the folder with files named by their SHA-256; None: there is none.

    Raises:
        GradgaugeError: data that cannot be had, or a training that would take too long.
    """
    dataset = _data(settings, own_data)
    entries = tuple(
        Entry(
            name_of(settings, place),
            side.network(dataset.inputs, dataset.outputs),
            settings.training(side),
        )
        for place, side in enumerate(settings.sides)
    )
    samples = len(dataset.y_train)
    work = sum(
        entry.network.parameters * samples * settings.epochs * len(settings.seeds)
        for entry in entries
    )
    if work > MOST_WORK:
        raise PlayProblem("too_much_work", times=work / MOST_WORK)
    for entry in entries:
        entry.training.steps_per_epoch(samples)
    return Scene(settings, dataset, entries)


def _data(settings: Settings, own_data: Path | None) -> Dataset:
    classification = LOSSES[settings.loss].classification
    if settings.own_data is None:
        return _named(settings.data, classification)
    for suffix in (".npz", ".csv"):
        path = own_data and own_data / f"{settings.own_data}{suffix}"
        if path and is_file(path):
            return datasets.load(str(path), classification)
    raise PlayProblem("own_data_missing")


@functools.lru_cache(maxsize=4)
def _named(name: str, classification: bool) -> Dataset:
    """Data that ship with gradgauge, read once for many settings."""
    return datasets.load(name, classification)


def name_of(settings: Settings, place: int) -> str:
    """A network's name: its activation, or `a` and `b` where that does not tell two apart."""
    names = [
        side.hidden[0].activation if len({layer.activation for layer in side.hidden}) == 1 else ""
        for side in settings.sides
    ]
    apart = all(names) and len(set(names)) == len(names)
    return names[place] if apart else "ab"[place]


def shown_steps(schedule: ProbeSchedule, settings: Settings) -> list[int]:
    """The steps whose figures are shown: those that a Run probes, and others evenly between."""
    every = max(1, round(schedule.total / FRAMES))
    changes = [at for side in settings.sides for at, _ in side.rates if at <= schedule.total]
    steps = {*schedule.probes, *range(0, schedule.total, every), *changes, schedule.total}
    return sorted(steps)


def described(scene: Scene, schedule: ProbeSchedule) -> dict[str, Any]:
    """What a page has to know of a scene before the first figure."""
    settings, dataset = scene.settings, scene.dataset
    sample = dataset.floats(dataset.x_train[:PROBE_SAMPLES]).astype(np.float64)
    return {
        "fragment": write(settings),
        "settings": values(settings),
        "steps": schedule.total,
        "per_epoch": schedule.per_epoch,
        "shown": shown_steps(schedule, settings),
        "data": {
            "name": "own" if settings.own_data else dataset.name,
            "inputs": dataset.inputs,
            "outputs": dataset.outputs,
            "train": len(dataset.y_train),
            "constant": majority_share(dataset.y_test) if dataset.has_classes else None,
            "points": _points(dataset),
        },
        "networks": [_network(entry, sample, settings.batch) for entry in scene.entries],
    }


def _network(entry: Entry, sample: np.ndarray, batch: int) -> dict[str, Any]:
    predicted = predict_ladders(entry.network, sample, batch)
    return {
        "name": entry.name,
        "notation": notation(entry.network),
        "parameters": entry.network.parameters,
        "widths": [layer.width for layer in entry.network.hidden],
        "activations": list(entry.network.activations),
        "predicted": {
            "delta_decades": list(predicted.delta_decades),
            "signal_spread": list(predicted.signal_spread),
        },
    }


def input_spread(dataset: Dataset) -> float:
    """The share of the inputs' power that differs between them."""
    x = dataset.floats(dataset.x_train[:PROBE_SAMPLES]).astype(np.float64)
    power = float((x**2).mean())
    return float(x.var(axis=0).mean()) / power if power > 0 else 0.0


def _points(dataset: Dataset) -> list[list[float]] | None:
    """A few hundred samples of two-dimensional data, (x, y, class); None for any other."""
    if dataset.inputs != 2 or not dataset.has_classes:
        return None
    rows = dataset.x_train[:400]
    return [
        [round(float(x), 4), round(float(y), 4), int(label)]
        for (x, y), label in zip(rows, dataset.y_train[:400], strict=True)
    ]
