"""A Comparison as JSON: CONTRACT section 3, schema in `compare.schema.json`."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np

from gradgauge.gauges import PROBE_QUANTITIES
from gradgauge.json import finite
from gradgauge.run import Run
from gradgauge.spec.training import TrainingSpec
from gradgauge.statistics import Summary
from gradgauge.study.by_layer import MOMENTS, by_layer
from gradgauge.study.compare.artifacts import NOTHING_WRITTEN, Artifacts
from gradgauge.study.compare.result import Comparison

SCHEMA = 1


def comparison_json(
    comparison: Comparison, artifacts: Artifacts = NOTHING_WRITTEN
) -> dict[str, Any]:
    """All figures of a comparison, NaN and infinity as None."""
    seconds = {**comparison.seconds, "report": artifacts.report_seconds}
    if artifacts.total_seconds is not None:
        seconds["total"] = artifacts.total_seconds
    data, training = comparison.data, comparison.spec.training
    best = comparison.difference
    document = {
        "schema": SCHEMA,
        "command": comparison.spec.command(*artifacts.flags),
        "dataset": {
            "name": data.name,
            "train": data.train,
            "test": data.test,
        },
        "training": {**dataclasses.asdict(training), **_own_training(comparison)},
        "networks": [_network(comparison, name) for name in comparison.names],
        "better": comparison.better,
        "difference": best and {"names": comparison.ranking[:2], **dataclasses.asdict(best)},
        "report": artifacts.report,
        "runs": list(artifacts.runs),
        "seconds": seconds,
    }
    return finite(document)


def _network(comparison: Comparison, name: str) -> dict[str, Any]:
    run = comparison.run(name)
    figures = comparison.epoch_figures
    by_seed = {figure: run.values("epochs", figure) for figure in figures}
    return {
        "name": name,
        "notation": run.notation or None,
        "framework": run.attributes.get("framework", "spec"),
        "parameters": run.attributes["parameters"],
        "test_accuracy": summary_json(comparison.test_accuracy(name)),
        "test_loss": summary_json(comparison.test_loss(name)),
        "history": {
            figure: values.mean(axis=0, dtype=np.float64).tolist()
            for figure, values in by_seed.items()
        },
        "history_by_seed": {figure: values.tolist() for figure, values in by_seed.items()},
        "layers": layer_rows(run),
        "attenuation": {
            moment: dataclasses.asdict(comparison.attenuation(name, moment)) for moment in MOMENTS
        },
        "non_finite": comparison.non_finite(name),
    }


_OWN = ("optimizer", "learning_rate", "loss")


def _own_training(comparison: Comparison) -> dict[str, Any]:
    """Loss and optimizer where no network is a dense one: what all of them have, else null."""
    if comparison.networks:
        return {}
    trainings = [training_of(run) for run in comparison.runs.values()]
    options = dict.fromkeys(field.name for field in dataclasses.fields(TrainingSpec))
    shared = dict.fromkeys(set(options) - {"batch_size", "epochs", "seeds", "dtype"})
    for field in _OWN:
        values = {training.get(field) for training in trainings}
        shared[field] = values.pop() if len(values) == 1 else None
    return shared


def training_of(run: Run) -> dict[str, Any]:
    """What a Run says of its training: optimizer, learning_rate, loss, ..."""
    return json.loads(run.attributes.get("training") or "{}")


def layer_rows(run: Run) -> list[dict[str, Any]]:
    """Every layer's gauges, first and last; of somebody's own network its name and kind, too."""
    columns = {
        moment: {name: by_layer(run, name, moment) for name in PROBE_QUANTITIES}
        for moment in MOMENTS
    }
    layers = run.groups["probes"].coords["layer"]
    infos = [] if run.notation else run.layers
    return [
        {
            "layer": int(layer),
            **(
                {"name": infos[i].name, "kind": infos[i].kind}
                if infos
                else {"kind": "output" if layer == layers[-1] else "hidden"}
            ),
            **{
                moment: {name: float(values[i]) for name, values in of_moment.items()}
                for moment, of_moment in columns.items()
            },
        }
        for i, layer in enumerate(layers)
    ]


def summary_json(summary: Summary | None) -> dict[str, Any] | None:
    """A Summary's fields."""
    return None if summary is None else dataclasses.asdict(summary)
