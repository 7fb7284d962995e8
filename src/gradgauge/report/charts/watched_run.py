"""WatchedRun: a single Run with what charts and page say of its layers and moments."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from gradgauge.gauges import LAYER_QUANTITIES
from gradgauge.messages.catalog import sentence
from gradgauge.report.charts._curves import Place, places
from gradgauge.report.charts.rows import MOST_LAYERS, Row, figure, picked, positive
from gradgauge.report.words.layer_groups import without_common_path
from gradgauge.report.words.numbers import NO_VALUE
from gradgauge.run import Run
from gradgauge.study.by_layer import MOMENTS, by_layer, extremes_over_seeds, last_places
from gradgauge.watchers import LayerInfo

BOTH = "both"
"""The moment of rows that hold the first and the last probe as two lines of one picture."""

_MOST_OF_CURVES = 1_024
"""Most layers that curves by role are drawn of; of more they are picked evenly."""


@dataclass(frozen=True)
class WatchedRun:
    """A Run by itself, and the language that its lines are named in."""

    run: Run
    lang: str = "en"

    @functools.cached_property
    def layers(self) -> list[LayerInfo]:
        """What is known of the layers: of a watched Run what the watcher saw, else its notation."""
        return self.run.layers

    @functools.cached_property
    def labels(self) -> list[str]:
        """The layers' names without what all begin with."""
        return without_common_path([layer.name for layer in self.layers])

    @functools.cached_property
    def drawn(self) -> list[int]:
        """Which layers pictures show: a bias has a row of figures, but no signal passes it."""
        return [at for at, layer in enumerate(self.layers) if layer.kind != "bias"]

    @functools.cached_property
    def places(self) -> dict[int, Place] | None:
        """Where each drawn layer stands, if every role has a curve of its own; None: one line has
        all."""
        found = places([self.layers[at] for at in self.drawn])
        return None if found is None else dict(zip(self.drawn, found, strict=True))

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
        if self.layers[layer - 1].output and LAYER_QUANTITIES[quantity].hidden_only:
            return False
        if quantity not in self.run.groups["probes"].variables:
            return False
        return not bool(np.isnan(self.run.values("probes", quantity)[..., layer - 1]).all())

    def layer_rows(self, quantities: Iterable[str], most: int | None = None) -> list[Row]:
        """Quantities by layer, at the first probe and the last.

        The rows have the columns of `_rows.layer_rows`, `when`, the moment in words, and `label`,
        the layer's name. The lines (`network`) are the moments, or the roles of a deep network's
        layers, which have a `stack` and a `tick`, too. A layer at which a quantity could not be
        seen has a row without a figure, so that its line is broken there; a quantity that was
        seen nowhere has no rows.
        """
        count = len(self.layers)
        seen = [q for q in quantities if any(self.meaning(q, n) for n in range(1, count + 1))]
        most = most or (_MOST_OF_CURVES if self.places else MOST_LAYERS)
        return [
            row
            for moment in self.moments
            for quantity in seen
            for row in self._rows(moment, quantity, most)
        ]

    def _rows(self, moment: str, quantity: str, most: int) -> list[Row]:
        values = by_layer(self.run, quantity, moment)
        low, high = extremes_over_seeds(self.run, quantity, moment)
        return [
            {
                **self._line(moment, at),
                "quantity": quantity,
                "layer": at + 1,
                "label": self.labels[at],
                "low": positive(low[at]),
                "high": positive(high[at]),
                **(figure(values[at]) if self.meaning(quantity, at + 1) else _ABSENT),
            }
            for at in (self.drawn[i] for i in picked(len(self.drawn), most))
        ]

    def _line(self, moment: str, at: int) -> Row:
        """The line that a layer's figure stands on."""
        when = self.moments[moment]
        if self.places is None:
            return {"network": when, "moment": BOTH, "when": when}
        place = self.places[at]
        curve = place.curve or sentence("watch.report.other_layers", self.lang)
        where = {"stack": place.stack, "tick": place.tick}
        return {"network": curve, "moment": moment, "when": when, **where}


_ABSENT: Row = {**figure(math.nan), "shown": NO_VALUE, "state": "absent"}
