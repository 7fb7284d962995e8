"""Evidence made by hand: a healthy small classifier, to be spoilt in one place."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gradgauge.diagnosis.evidence import Evidence, gathered
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
from gradgauge.diagnosis.finding import Finding
from gradgauge.diagnosis.limits import limits_with
from gradgauge.diagnosis.rules import BY_NAME, ask
from gradgauge.diagnosis.trial import Change, Trial
from gradgauge.layers import LayerInfo, as_attributes
from gradgauge.run import Run, RunGroup

LAYERS = 5
WIDTH = 32
PROBES = (0, 20, 40)


def labels(n: int = 200, classes: int = 4) -> np.ndarray:
    return np.arange(n) % classes


def inputs(n: int = 200, seed: int = 0) -> np.ndarray:
    """Four classes that a simple learner tells apart."""
    rng = np.random.default_rng(seed)
    return (
        np.eye(4)[labels(n)] @ rng.normal(size=(4, 10)) * 2 + rng.normal(size=(n, 10)) * 0.3
    ).astype(np.float32)


def good_outputs(y: np.ndarray, classes: int = 4) -> np.ndarray:
    """Probabilities that know the labels."""
    p = np.full((len(y), classes), 0.02)
    p[np.arange(len(y)), y] = 1 - 0.02 * (classes - 1)
    return p


def flat_outputs(n: int = 200, classes: int = 4) -> np.ndarray:
    """Probabilities that know nothing."""
    rng = np.random.default_rng(1)
    p = 1 / classes + rng.uniform(-0.01, 0.01, (n, classes))
    return p / p.sum(axis=1, keepdims=True)


def head(**changes: Any) -> Head:
    y = labels()
    fields: dict[str, Any] = {
        "layer": "out",
        "activation": "softmax",
        "loss": Loss("sparse_categorical", "sparse_categorical_crossentropy"),
        "y": y,
        "before": flat_outputs(),
        "after": good_outputs(y),
    }
    return Head(**{**fields, **changes})


def layers(count: int = LAYERS, **changes: Any) -> list[Layer]:
    """Glorot layers h1, h2, ..., out."""
    rng = np.random.default_rng(2)
    made = []
    for i in range(count):
        last = i == count - 1
        fan_in, units = (10 if i == 0 else WIDTH), (4 if last else WIDTH)
        info = LayerInfo(
            "out" if last else f"h{i + 1}",
            "dense",
            "softmax" if last else "relu",
            units,
            fan_in,
            fan_in * units,
            output=last,
        )
        weight = rng.normal(0, np.sqrt(2 / (fan_in + units)), (fan_in, units)).astype(np.float32)
        fields: dict[str, Any] = {
            "before": (weight,),
            "after": (weight + rng.normal(0, 0.01, weight.shape).astype(np.float32),),
            "biases": (np.zeros(units, np.float32),),
            "biases_after": (np.full(units, 0.01, np.float32),),
            "fresh": True,
        }
        made.append(Layer(info, **{**fields, **changes}))
    return made


GAUGES: Mapping[str, Sequence[float]] = {
    "delta_norm": [0.02, 0.021, 0.022, 0.023, 0.02],
    "weight_grad_norm": [0.2, 0.2, 0.2, 0.2, 0.2],
    "signal_spread": [0.4, 0.35, 0.3, 0.28, 0.27],
    "saturated": [np.nan] * 5,
    "dead": [0.0, 0.03, 0.0, 0.03, np.nan],
    "z_std": [1.0, 0.9, 0.8, 0.8, 0.8],
    "h_std": [0.6, 0.5, 0.5, 0.5, 0.2],
    "weight_norm": [5.0, 5.6, 5.6, 5.6, 3.0],
}


def run(
    made: Sequence[Layer], gauges: Mapping[str, Any] | None = None, update: float = 1e-3
) -> Run:
    """A Run of three probes; `gauges` gives one row for all probes, or a list of rows."""
    count = len(made)
    axis = np.arange(1, count + 1)
    variables: dict[str, Any] = {"loss": (("member", "probe_step"), np.array([[1.4, 0.6, 0.2]]))}
    for name, row in {**GAUGES, **(gauges or {})}.items():
        rows = np.asarray(row, float)
        rows = np.tile(rows[:count], (len(PROBES), 1)) if rows.ndim == 1 else rows
        axes = (
            ("member", "probe_step", "layer")
            if rows.shape == (len(PROBES), count)
            else ("member", "probe_step")
        )
        variables[name] = (axes, rows[None] if len(axes) == 3 else np.asarray(row, float)[None])
    steps = np.arange(0, 40, 5)
    return Run(
        {"name": "made", **as_attributes([layer.info for layer in made], [])},
        RunGroup({"member": np.array([0])}),
        {
            "steps": RunGroup(
                {"member": np.array([0]), "step": steps, "layer": axis},
                {
                    "update_ratio": (
                        ("member", "step", "layer"),
                        np.full((1, len(steps), count), update),
                    )
                },
            ),
            "probes": RunGroup(
                {"member": np.array([0]), "probe_step": np.array(PROBES), "layer": axis}, variables
            ),
            "epochs": RunGroup({"member": np.array([0]), "epoch": np.array([1])}),
        },
    )


FALLING = np.linspace(1.4, 0.1, 40)
FLAT = np.full(40, 1.39) + 0.005 * np.cos(np.arange(40))


def history(losses: np.ndarray = FALLING, **changes: Any) -> TrainingHistory:
    return TrainingHistory(losses, len(losses), **{"sharpness": {0: 0.5, 1: 0.6}, **changes})


_FACTS = ("framework", "heads", "optimizer", "data", "reach")
_WATCHED = ("history", "run", "layers", "heads", "saturated_at_init")


def evidence(
    failing: bool = False,
    made: Sequence[Layer] | None = None,
    gauges: Mapping[str, Any] | None = None,
    update: float = 1e-3,
    **changes: Any,
) -> Evidence:
    """Healthy evidence, or that of a training that learns nothing."""
    made = layers() if made is None else made
    chosen = {
        "framework": "keras",
        "heads": (head(after=flat_outputs()) if failing else head(),),
        "layers": tuple(made),
        "optimizer": Optimizer("adam", 1e-3),
        "data": Data((inputs(),), 200, 32),
        "run": run(made, gauges, update),
        "history": history(FLAT if failing else FALLING),
        "limits": limits_with(),
        "reach": None,
        "saturated_at_init": {},
        "trials": (),
        "seeds": (),
        **changes,
    }
    facts = Facts(**{name: chosen[name] for name in _FACTS})
    watched = None
    if chosen["history"] is not None and chosen["run"] is not None:
        watched = WatchedTraining(**{name: chosen[name] for name in _WATCHED})
    built = gathered(facts, watched, chosen["limits"])
    if watched is None:
        # Looked at and not trained, or trained and not seen.
        names = ("layers", "run", "history")
        built = dataclasses.replace(built, **{name: chosen[name] for name in names})
    return dataclasses.replace(built, trials=chosen["trials"], seeds=chosen["seeds"])


def lags(given: Evidence) -> Evidence:
    """The same of a training that has learned, but far less than a simple learner."""
    learning = dataclasses.replace(given.learning, verdict="learned", skill=0.55, target=1.0)
    return dataclasses.replace(given, learning=learning)


def trial(learns: bool, **change: Any) -> Trial:
    """A trial that learns, or not: `trial(True, rate_factor=0.1)`."""
    return Trial(Change(**change), FALLING if learns else FLAT, learns)


def found(rule: str, given: Evidence) -> list[Finding]:
    """The rule's findings, of which there must be an outcome."""
    outcome, why_not = ask(BY_NAME[rule], given)
    assert why_not is None, why_not
    for finding in outcome:
        for lang in ("en", "ko"):
            assert "{" not in finding.sentence(lang)
            assert finding.advice(lang)
    return outcome


def silent(rule: str, given: Evidence) -> str:
    """Why the rule does not apply."""
    found, why_not = ask(BY_NAME[rule], given)
    assert not found
    assert why_not is not None
    for lang in ("en", "ko"):
        assert why_not.sentence(lang)
    return why_not.reason
