"""A Comparison of Runs that were saved: the same page, table and pictures without training again."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from gradgauge.datasets.dataset import THINNED
from gradgauge.errors import Problem
from gradgauge.parts.activations import ACTIVATIONS
from gradgauge.run import Run
from gradgauge.spec.comparison import ComparisonSpec
from gradgauge.spec.network import NetworkSpec
from gradgauge.spec.notation import parse, write
from gradgauge.spec.presets import PRESETS
from gradgauge.spec.training import TrainingSpec
from gradgauge.study.compare.result import Comparison

_DATA = "dataset_fingerprint"
_SHARED = {"batch_size", "epochs", "seeds", "dtype"}
"""What somebody's own network shares of a training with the others."""


class RunsDoNotFit(Problem):
    """Saved Runs that are no comparison: not of `compare`, or not trained alike."""

    table = "saved_runs"


def load_comparison(*paths: Path | str) -> Comparison:
    """The comparison of Runs saved by `compare`, in the order of their files.

    Args:
        paths: Run files, trained under the same conditions on the same data.

    Returns:
        The comparison; its `dataset` is None, its `seconds` are empty.

    Raises:
        RunFileProblem: a file cannot be read.
        RunsDoNotFit: a Run belongs to a watched training run, or conditions or data differ.

    Example:
        >>> import gradgauge as gg
        >>> result = gg.compare("relu", "sigmoid", dataset="blobs", depth=3, epochs=1)
        >>> paths = [result.run(name).save(f"{name}.nc") for name in result.names]
        >>> gg.load_comparison(*paths).names
        ['relu', 'sigmoid']
    """
    return comparison_of([Run.load(path) for path in paths])


def comparison_of(runs: Sequence[Run]) -> Comparison:
    """The comparison of Runs in memory; see `load_comparison`."""
    trainings = [_training(run) for run in runs]
    for run, training in zip(runs[1:], trainings[1:], strict=True):
        _check_alike(runs[0], trainings[0], run, training)
    named = dict(zip(_distinct(run.name for run in runs), runs, strict=True))
    networks = {name: parse(run.notation) for name, run in named.items() if run.notation}
    dense = next((t for t, run in zip(trainings, runs, strict=True) if run.notation), trainings[0])
    spec = _spec(named, networks, dense, runs[0])
    interrupted = any(len(run.seeds) < len(trainings[0].seeds) for run in runs)
    return Comparison(spec, networks, named, None, {}, interrupted)


def is_of_compare(run: Run) -> bool:
    """Whether a Run is of a network that `compare` trained, not of a training that was watched."""
    trained = run.attributes.get("notation") or run.attributes.get("source") == "own"
    return bool(trained) and bool(run.attributes.get("training"))


def _training(run: Run) -> TrainingSpec:
    if not is_of_compare(run):
        raise RunsDoNotFit("watched", name=run.name)
    fields = json.loads(run.attributes["training"])
    known = {field.name for field in dataclasses.fields(TrainingSpec)}
    if not run.notation:
        known &= _SHARED  # The rest is its own, by names of its own.
    kept: dict[str, Any] = {name: value for name, value in fields.items() if name in known}
    return TrainingSpec(**{**kept, "seeds": tuple(kept.get("seeds", run.seeds))})


def _check_alike(first: Run, training: TrainingSpec, other: Run, its: TrainingSpec) -> None:
    """Raise unless both were trained alike, on the same data."""
    every = {field.name for field in dataclasses.fields(TrainingSpec)}
    for field in sorted(every if first.notation and other.notation else _SHARED):
        one, two = getattr(training, field), getattr(its, field)
        if one != two:
            facts = {"field": field, "first": first.name, "other": other.name}
            raise RunsDoNotFit("training", **facts, one=_written(one), two=_written(two))
    one, two = (run.attributes.get(_DATA) for run in (first, other))
    if one != two:
        names = [str(run.attributes.get("dataset", "")) for run in (first, other)]
        facts = {"first": first.name, "other": other.name}
        raise RunsDoNotFit("data", **facts, one=names[0], two=names[1])


def _written(value: object) -> object:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else value


def _distinct(names: Iterable[str]) -> list[str]:
    """The names in order, a second one of its kind with -2 after it."""
    found: list[str] = []
    for name in names:
        count, distinct = 1, name
        while distinct in found:
            count += 1
            distinct = f"{name}-{count}"
        found.append(distinct)
    return found


def _spec(
    runs: dict[str, Run], networks: dict[str, NetworkSpec], training: TrainingSpec, run: Run
) -> ComparisonSpec:
    """What `compare` would be told to train the same again: a preset, activations, notations."""
    attributes = run.attributes
    taken = str(attributes.get(_DATA, "")).partition(THINNED)[2]
    samples = int(taken) if taken.isdecimal() else None
    common: dict[str, Any] = {
        "train_samples": samples,
        "dataset": str(attributes.get("dataset", "mnist")),
        "training": training,
    }
    plain = all(name in ACTIVATIONS and _is_default(name, net) for name, net in networks.items())
    for name, preset in PRESETS.items():
        if not plain and preset == networks and len(runs) == len(networks):
            return ComparisonSpec(preset=name, **common)
    own = {name: run.name for name, run in runs.items() if name not in networks}
    dense = {
        name: name if name in ACTIVATIONS and _is_default(name, network) else write(network)
        for name, network in networks.items()
    }
    arguments = tuple({**own, **dense}[name] for name in runs)
    return ComparisonSpec(arguments, functions=tuple(own.values()), **common)


def _is_default(name: str, network: NetworkSpec) -> bool:
    plain = ComparisonSpec((name,)).networks(network.inputs, network.outputs)
    return plain[name] == network
