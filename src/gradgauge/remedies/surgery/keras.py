"""Remedies on a Keras model."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import keras
import numpy as np

from gradgauge.remedies.remedy import Remedy
from gradgauge.remedies.surgery.site import Site, changed, first_rows, run_lines
from gradgauge.watchers.keras.seen import value_of

_ROWS = 1_000
_SETTINGS = ("rate", "epsilon")
"""Numbers of a layer that remedies set."""
_LOOKS = 33
"""Steps at which a schedule is asked for its rate."""


def treated(site: Site, remedy: Remedy, lines: str) -> Site:
    """See `surgery.treat`."""
    other = site.with_data(remedy.touches, lines, {})
    if other is not None:
        return other
    model = site.made.model
    before = _state(model)
    names: dict[str, Any] = {"keras": keras, "np": np, "model": model, "steps": site.steps}
    names["rate"] = _highest_rate(model, site.steps)
    if "x[" in lines:
        names["x"] = first_rows(site.data, _ROWS)
    run_lines(lines, names)
    model = names["model"]
    changed(before, _state(model), remedy.idle)
    return replace(site, made=replace(site.made, model=model, optimizer=model.optimizer))


def complaint(model: Any, x: Any, y: Any) -> str:
    """What the model's loss says of its outputs and these targets; empty: nothing."""
    try:
        model.compute_loss(x, y, model(x, training=False))
    # What a loss answers to outputs of another form is whatever its parts happen to raise.
    except Exception as error:  # noqa: BLE001
        return str(error).strip().partition("\n")[0][:120] or type(error).__name__
    return ""


def with_rate(site: Site, factor: float) -> Site:
    """The learning rate times `factor`, that of a schedule at every step."""
    optimizer, rate = site.made.model.optimizer, _rate(site.made.model)
    optimizer.learning_rate = (
        _Scaled(optimizer._learning_rate, factor) if rate is None else rate * factor
    )
    return site


class _Scaled(keras.optimizers.schedules.LearningRateSchedule):
    """Another schedule, all its rates times `factor`."""

    def __init__(self, schedule: Any, factor: float):
        super().__init__()
        self._schedule, self._factor = schedule, factor

    def __call__(self, step: Any) -> Any:
        """The rate at a step."""
        return self._schedule(step) * self._factor

    def get_config(self) -> dict[str, Any]:
        """What makes it anew, and what tells it from others."""
        return {"schedule": self._schedule, "factor": self._factor}


def _rate(model: Any) -> float | None:
    optimizer = model.optimizer
    if isinstance(
        getattr(optimizer, "_learning_rate", None),
        keras.optimizers.schedules.LearningRateSchedule,
    ):
        return None
    return float(np.asarray(value_of(optimizer.learning_rate)))


def _highest_rate(model: Any, steps: int) -> float:
    """The learning rate, or the highest one that a schedule has in so many steps."""
    rate = _rate(model)
    if rate is not None:
        return rate
    schedule = model.optimizer._learning_rate
    looked = np.unique(np.linspace(0, steps, _LOOKS).round())
    return max(float(np.asarray(value_of(schedule(int(step))))) for step in looked)


def _state(model: Any) -> dict[str, Any]:
    """What a remedy may change."""
    layers = [
        (
            *(type(layer).__name__, str(getattr(layer, "activation", "")), layer.trainable),
            *(getattr(layer, name, None) for name in _SETTINGS),
        )
        for layer in model._flatten_layers()
    ]
    return {
        "weights": [np.array(value_of(v)) for v in model.variables],
        "layers": repr(layers),
        "optimizer": (type(model.optimizer).__name__, repr(model.optimizer.get_config())),
        "loss": _loss(model.loss),
    }


def structure(model: Any) -> tuple[Any, ...]:
    """All but its numbers that a remedy may change; a learning rate that is one number is one."""
    state, config = _state(model), dict(model.optimizer.get_config())
    if isinstance(config.get("learning_rate"), float):
        del config["learning_rate"]
    return state["layers"], type(model.optimizer).__name__, repr(config), state["loss"]


def _loss(loss: Any) -> str:
    config = getattr(loss, "get_config", None)
    return repr(config()) if config is not None else str(getattr(loss, "__name__", loss))
