"""Histories of members, side by side, as the Run of one network."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Any

import numpy as np

from gradgauge._version import __version__
from gradgauge.datasets import Dataset
from gradgauge.datasets.facts import DataFacts
from gradgauge.engine.history import History
from gradgauge.engine.limits import ProbeSchedule
from gradgauge.gauges import PROBE_QUANTITIES, PROBE_SAMPLES, STEP_QUANTITIES
from gradgauge.run import Run, RunGroup
from gradgauge.spec.network import NetworkSpec
from gradgauge.spec.notation import write
from gradgauge.spec.training import TrainingSpec

MEMBER_FIGURES = (
    "test_loss",
    "test_accuracy",
    "non_finite_step",
    "non_finite_layer",
    "steps_done",
)


def run_from(
    attributes: dict[str, Any],
    depth: int,
    training: TrainingSpec,
    seeds: Sequence[int],
    histories: Sequence[History],
    when: ProbeSchedule,
) -> Run:
    """A Run of members' histories; of none at all, if the network was stopped before it began.

    Args:
        attributes: of the Run.
        depth: hidden layers.
        training: the spec that the histories come from.
        seeds: one a member.
        histories: together one a member, in the seeds' order.
        when: what the histories' axes stand for.
    """
    parts = list(histories) or [History.empty(when, 0, training.epochs, depth + 1, training.dtype)]

    def joined(pick: Callable[[History], np.ndarray]) -> np.ndarray:
        return np.concatenate([pick(history) for history in parts])

    def by_name(table: str, axes: tuple[str, ...], names: Sequence[str]) -> dict[str, Any]:
        return {n: (axes, joined(lambda h, n=n: getattr(h, table)[n])) for n in names}

    steps = by_name("steps", ("member", "step", "layer"), STEP_QUANTITIES)
    steps["loss"] = (("member", "step"), joined(lambda h: h.step_loss))
    probes = by_name("probes", ("member", "probe_step", "layer"), PROBE_QUANTITIES)
    by_epoch = ("member", "epoch")
    epochs = {
        "loss": (by_epoch, joined(lambda h: h.loss)),
        "accuracy": (by_epoch, joined(lambda h: h.accuracy)),
    }
    figures = {
        name: (("member",), joined(lambda h, name=name: getattr(h, name)))
        for name in MEMBER_FIGURES
    }
    member = {"member": np.array(seeds, np.int64)}
    layer = {"layer": np.arange(1, depth + 2)}
    probe_step = {"probe_step": np.array(when.probes)}
    epoch = {"epoch": np.arange(1, training.epochs + 1)}
    return Run(
        attributes,
        RunGroup(member, figures),
        {
            "steps": RunGroup({**member, "step": when.kept, **layer}, steps),
            "probes": RunGroup({**member, **probe_step, **layer}, probes),
            "epochs": RunGroup({**member, **epoch}, epochs),
        },
    )


def run_attributes(
    name: str,
    network: NetworkSpec,
    training: TrainingSpec,
    dataset: Dataset,
    adjusted: bool,
    device: str,
) -> dict[str, Any]:
    """What a Run says of itself.

    Args:
        name: the network's.
        network, training, dataset: what it was trained from.
        adjusted: whether its initial parameters were changed after they were drawn.
        device: what it was trained on.
    """
    fields = dataclasses.asdict(training)
    fields["seeds"] = list(fields["seeds"])
    return {
        "name": name,
        "notation": write(network),
        "adjusted": int(adjusted),
        "parameters": network.parameters,
        "training": json.dumps(fields),
        **DataFacts.of(dataset, training.loss, PROBE_SAMPLES).attributes(),
        "source": "engine",
        "gradgauge_version": __version__,
        "jax_version": version("jax"),
        "device": device,
    }
