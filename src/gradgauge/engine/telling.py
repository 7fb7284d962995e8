"""Tells the listeners of each member what is measured while it trains."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from gradgauge.engine.history import History
from gradgauge.layers import layers_of
from gradgauge.listening import Listener
from gradgauge.run import Run
from gradgauge.spec.network import NetworkSpec


class Tell:
    """A group's listeners: those of member i in place i.

    Args:
        listeners: of every member; mostly none.
    """

    def __init__(self, listeners: Sequence[Sequence[Listener]]):
        self._heard = {member: tuple(given) for member, given in enumerate(listeners) if given}

    def opened(
        self, networks: Sequence[NetworkSpec], attributes: Callable[[int], Mapping[str, Any]]
    ) -> None:
        """The training begins.

        Args:
            networks: one a member.
            attributes: what the Run of a member says of itself.
        """
        for member, listeners in self._heard.items():
            about = attributes(member)
            for listener in listeners:
                listener.opened(layers_of(networks[member]), about)

    def probe(self, at: int, values: Mapping[str, np.ndarray], alive: np.ndarray) -> None:
        """A probe before step `at`: quantity -> (members, layers)."""
        for member in self._listening(alive):
            self._tell(member, "probes", at, {name: v[member] for name, v in values.items()})

    def steps(self, first: int, made: np.ndarray, records: Any) -> None:
        """The records of a segment that began at step `first`; `made` rows are real, (M,)."""
        for member in self._listening(made > 0):
            for row in range(int(made[member])):
                values = {name: v[member, row] for name, v in records.gauges.items()}
                loss = float(records.loss[member, row])
                self._tell(member, "steps", first + row, {**values, "loss": loss})

    def epoch(self, epoch: int, history: History, alive: np.ndarray) -> None:
        """An epoch is over, counted from 0."""
        for member in self._listening(alive):
            figures = {"loss": history.loss, "accuracy": history.accuracy}
            values = {name: float(array[member, epoch]) for name, array in figures.items()}
            self._tell(member, "epochs", epoch + 1, values)

    def closed(self, run: Callable[[int], Run]) -> None:
        """The training is over.

        Args:
            run: gives the Run of a member alone.
        """
        for member, listeners in self._heard.items():
            made = run(member)
            for listener in listeners:
                listener.closed(made)

    def _listening(self, those: np.ndarray) -> list[int]:
        return [member for member in self._heard if those[member]]

    def _tell(self, member: int, group: str, step: int, values: Mapping[str, Any]) -> None:
        for listener in self._heard[member]:
            listener.recorded(group, step, values)
