"""Somebody's own training told to the live page: each look of a watcher is a frame."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gradgauge.layers import LayerInfo
from gradgauge.play.findings import Watch
from gradgauge.play.frames import SHOWN, network_frame
from gradgauge.run import Run

_LEAST_ROWS = 2


class Telling(ABC):
    """A listener that says what it hears in the live page's messages."""

    def __init__(self) -> None:
        self._layers: Sequence[LayerInfo] = ()
        self._attributes: Mapping[str, Any] = {}
        self._rows: np.ndarray | None = None
        self._loss, self._update = np.nan, np.array([])
        self._watch = Watch(1.0)

    @abstractmethod
    def say(self, message: Mapping[str, Any]) -> None:
        """Hand a message to the page."""

    def opened(self, layers: Sequence[LayerInfo], attributes: Mapping[str, Any]) -> None:
        """See Listener."""
        self._layers, self._attributes = layers, attributes

    def recorded(self, group: str, step: int, values: Mapping[str, Any]) -> None:
        """See Listener: a look at all layers is a frame."""
        loss = values.get("loss")
        self._loss = self._loss if loss is None else float(loss)
        if "update_ratio" in values:
            self._update = np.asarray(values["update_ratio"], np.float64)
        if group != "probes" or "delta_norm" not in values:
            return
        if self._rows is None and not self._begin(values):
            return
        self.say(self._frame(step, values))

    def closed(self, run: Run) -> None:
        """See Listener."""
        del run
        self.say({"kind": "status", "status": "done", "speed": 10})

    def _begin(self, values: Mapping[str, Any]) -> bool:
        """Settle which layers are rungs: those that an error signal is measured at."""
        seen = np.flatnonzero(np.isfinite(np.asarray(values["delta_norm"], np.float64)))
        if len(seen) < _LEAST_ROWS:
            return False
        self._rows = seen
        layers = [self._layers[int(at)] for at in seen]
        network = {
            "name": str(self._attributes.get("name", "model")),
            "notation": None,
            "parameters": sum(layer.parameters for layer in layers),
            "names": [layer.name for layer in layers],
            "widths": [layer.units for layer in layers[:-1]],
            "activations": [layer.activation for layer in layers[:-1]],
            "predicted": {"delta_decades": [], "signal_spread": []},
        }
        data = {"name": "", "inputs": 0, "outputs": 0, "train": 0, "constant": None, "points": None}
        self.say(
            {
                "kind": "opened",
                "watched": True,
                "fragment": "",
                "settings": {},
                "steps": 0,
                "per_epoch": 0,
                "data": data,
                "networks": [network],
                "unknown": [],
            }
        )
        self.say({"kind": "status", "status": "running", "speed": 10})
        return True

    def _frame(self, step: int, values: Mapping[str, Any]) -> dict[str, Any]:
        every = {**values, "update_ratio": self._update}
        gauges = {name: self._row(every.get(name)) for name in SHOWN}
        found = self._watch.look({name: row[0] for name, row in gauges.items()}, None)
        loss, nothing = np.array([self._loss]), np.array([np.nan])
        network = network_frame(gauges, loss, nothing, None, found, None)
        return {"kind": "frame", "step": int(step), "networks": [network]}

    def _row(self, values: Any) -> np.ndarray:
        """A quantity of the rungs, (1, rungs); NaN where it is not measured."""
        rows = self._rows if self._rows is not None else np.array([], int)
        full = np.asarray([] if values is None else values, np.float64)
        if full.ndim != 1 or len(full) <= rows.max(initial=0):
            return np.full((1, len(rows)), np.nan)
        return full[rows][None]
