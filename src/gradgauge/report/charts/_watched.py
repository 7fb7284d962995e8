"""Watched: a single Run with what charts and page say of its layers and moments."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from gradgauge.gauges import QUANTITIES
from gradgauge.messages.catalog import sentence
from gradgauge.report.charts._rows import MOST_LAYERS, Row, figure, picked, positive
from gradgauge.report.words.layer_groups import short_names
from gradgauge.report.words.numbers import NO_VALUE
from gradgauge.run import Run
from gradgauge.study.by_layer import MOMENTS, by_layer, last_places, seed_range
from gradgauge.watchers import LayerInfo

BOTH = "both"
"""The moment of rows that hold the first and the last probe as two lines of one picture."""


@dataclass(frozen=True)
class Watched:
    """A Run by itself, and the language that its lines are named in."""

    run: Run
    lang: str = "en"

    @functools.cached_property
    def layers(self) -> list[LayerInfo]:
        """What is known of the layers: of a watched Run what the watcher saw, else its notation."""
        return self.run.layers

    @functools.cached_property
    def labels(self) -> list[str]:
        """The layers' names without what all begin with, the long ones without their beginning;
        with their numbers where they would be alike."""
        names = [layer.name for layer in self.layers]
        short = short_names(names)
        if len(set(short)) == len(short):
            return short
        return [f"{at} {name}" for at, name in enumerate(short, 1)]

    @property
    def has_probes(self) -> bool:
        """Whether all gauges were taken at least once."""
        return self.run.values("probes", "weight_norm").size > 0

    @functools.cached_property
    def moments(self) -> dict[str, str]:
        """`first` and `last` in words; only `first` where one probe was taken."""
        if not self.has_probes:
            return {}
        steps = self.run.groups["probes"].coords["probe_step"]
        at = {"first": 0, "last": int(last_places(self.run).max())}
        places = {moment: int(steps[at[moment]]) for moment in MOMENTS}
        if at["first"] == at["last"]:
            del places["last"]
        return {moment: self._moment(step) for moment, step in places.items()}

    def _moment(self, step: int) -> str:
        return sentence(f"watch.report.{'after' if step else 'before'}", self.lang, step=step)

    def meaning(self, quantity: str, layer: int) -> bool:
        """Whether a quantity could be seen at a layer, counted from 1, in at least one probe."""
        if self.layers[layer - 1].output and QUANTITIES[quantity].hidden_only:
            return False
        return not bool(np.isnan(self.run.values("probes", quantity)[..., layer - 1]).all())

    def layer_rows(self, quantities: Iterable[str], most: int | None = MOST_LAYERS) -> list[Row]:
        """Quantities by layer, a line for the first probe and one for the last.

        The rows have the columns of `_rows.layer_rows` and `label`, the layer's name. A layer at
        which a quantity could not be seen has a row without a figure, so that its line is broken
        there; a quantity that was seen nowhere has no rows.
        """
        count = len(self.layers)
        seen = [q for q in quantities if any(self.meaning(q, n) for n in range(1, count + 1))]
        return [
            row
            for moment, line in self.moments.items()
            for quantity in seen
            for row in self._line(moment, line, quantity, most or count)
        ]

    def _line(self, moment: str, line: str, quantity: str, most: int) -> list[Row]:
        values = by_layer(self.run, quantity, moment)
        low, high = seed_range(self.run, quantity, moment)
        return [
            {
                "network": line,
                "moment": BOTH,
                "quantity": quantity,
                "layer": at + 1,
                "label": self.labels[at],
                "low": positive(low[at]),
                "high": positive(high[at]),
                **(figure(values[at]) if self.meaning(quantity, at + 1) else _ABSENT),
            }
            for at in picked(len(self.layers), most)
        ]


_ABSENT: Row = {**figure(math.nan), "shown": NO_VALUE, "state": "absent"}
