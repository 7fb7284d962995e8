"""What is wrong with a network of a notation: the rules, asked of what the engine recorded."""

from __future__ import annotations

from collections import Counter

import numpy as np

from gradgauge.datasets import Dataset
from gradgauge.diagnosis.evidence import gathered
from gradgauge.diagnosis.facts import (
    Data,
    Facts,
    Head,
    Layer,
    Loss,
    Optimizer,
    TrainingHistory,
    WatchedTraining,
)
from gradgauge.diagnosis.finding import FAULT, Diagnosis
from gradgauge.diagnosis.limits import limits_with
from gradgauge.diagnosis.session import conclude
from gradgauge.engine.build import initial_parameters
from gradgauge.gauges import PROBE_SAMPLES
from gradgauge.layers import layers_of
from gradgauge.remedies.spec.case import SpecCase
from gradgauge.remedies.spec.forward import outputs_of
from gradgauge.run import Run, RunGroup
from gradgauge.spec.network import NetworkSpec
from gradgauge.study.why.counterfactuals import Weights

_LOSSES = {
    "cross_entropy": Loss("sparse_categorical", "cross_entropy", logits=True),
    "mse_one_hot": Loss("mse", "mse_one_hot"),
    "mse": Loss("mse", "mse"),
}

WIRING = (
    "loss-mismatch",
    "batch-mixing",
    "unreached-layer",
    "unshuffled-batches",
    "train-eval-gap",
)
"""Rules about mistakes that a notation cannot make."""


def diagnose_run(run: Run, case: SpecCase, dataset: Dataset, member: int = 0) -> Diagnosis:
    """Ask the rules of one member of a Run.

    Args:
        run: what the engine recorded of the case.
        case: what was trained.
        dataset: what it was trained on, as it was given to the engine.
        member: which of its seeds.
    """
    x = np.asarray(dataset.floats(dataset.x_train[:PROBE_SAMPLES]), np.float64)
    y = _targets(case, dataset)
    params = initial_parameters(case.network, run.seeds[member])
    adjust = case.adjust(x)
    params = adjust(params) if adjust is not None else params
    with np.errstate(all="ignore"):
        before = outputs_of(case.network, params, x)
        head = Head(str(case.network.depth + 1), "linear", _LOSSES[case.training.loss], y, before)
        training = case.training
        data = Data((x,), len(dataset.y_train), training.batch_size)
        optimizer = Optimizer(
            training.optimizer.partition("_")[0],
            training.learning_rate,
            can_vary=training.schedule == "constant",
        )
        facts = Facts("spec", (head,), optimizer, data)
        layers = _layers(case.network, params)
        watched = WatchedTraining(_history(run, member), one_member(run, member), layers, (head,))
        return conclude(gathered(facts, watched, limits_with(None)), WIRING)


def lasting_faults(run: Run, case: SpecCase, dataset: Dataset, members: int) -> tuple[str, ...]:
    """Names of the rules that find a fault in at least half of the first members."""
    count = Counter[str]()
    asked = min(members, len(run.seeds))
    for member in range(asked):
        found = diagnose_run(run, case, dataset, member).findings
        count.update({f.rule for f in found if f.severity == FAULT})
    return tuple(rule for rule, times in count.items() if 2 * times >= asked)


def one_member(run: Run, member: int) -> Run:
    """The Run of one of its seeds alone."""
    keep = slice(member, member + 1)

    def cut(group: RunGroup) -> RunGroup:
        coords = {a: v[keep] if a == "member" else v for a, v in group.coords.items()}
        variables = {
            name: (axes, array[keep] if axes[:1] == ("member",) else array)
            for name, (axes, array) in group.variables.items()
        }
        return RunGroup(coords, variables)

    groups = {name: cut(group) for name, group in run.groups.items()}
    return Run(run.attributes, cut(run.members), groups)


def _targets(case: SpecCase, dataset: Dataset) -> np.ndarray:
    y = dataset.y_train[:PROBE_SAMPLES]
    if case.training.loss == "mse_one_hot":
        return np.eye(case.network.outputs)[y]
    return y


def _layers(network: NetworkSpec, params: Weights) -> tuple[Layer, ...]:
    weights = [w for block in params for w in block["weight"]]
    biases = [b for block in params for b in block["bias"]]
    infos = layers_of(network)
    return tuple(
        Layer(info, (w,), biases=(b,), fresh=True)
        for info, w, b in zip(infos, weights, biases, strict=True)
    )


def _history(run: Run, member: int) -> TrainingHistory:
    losses = run.values("steps", "loss")[member]
    broke = int(run.figure("non_finite_step")[member])
    where = int(run.figure("non_finite_layer")[member])
    known = np.asarray(losses[np.isfinite(losses)] if broke < 0 else losses, np.float64)
    return TrainingHistory(
        known,
        planned=len(losses),
        non_finite_step=broke if broke >= 0 else None,
        non_finite_where=(str(where), "gradient") if broke >= 0 and where > 0 else None,
    )
