"""Gauge: one or more named quantities of a layer, and the signals that they need."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gradgauge.signals import Array, LayerSignals

if TYPE_CHECKING:
    from jaxtyping import Float


@dataclass(frozen=True)
class Gauge:
    """A measurement on one layer.

    Attributes:
        measure: LayerSignals -> {quantity: scalar}.
        quantities: the names that `measure` returns.
        needs: the fields of LayerSignals that it reads.
        hidden_only: without meaning on the output layer, where it is null.
        over_seeds: `geometric` or `arithmetic`: the mean over networks that keeps its meaning.
    """

    measure: Callable[[LayerSignals], Mapping[str, Float[Array, ""]]]
    quantities: tuple[str, ...]
    needs: frozenset[str]
    hidden_only: bool = False
    over_seeds: str = "arithmetic"

    def can_read(self, signals: LayerSignals) -> bool:
        """Whether `signals` show all that this gauge needs."""
        return all(getattr(signals, name) is not None for name in self.needs)
