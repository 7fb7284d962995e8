"""How long a step takes: clocks that listen to trainings."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gradgauge.layers import LayerInfo
from gradgauge.listening import Listener
from gradgauge.run import Run


class Clock:
    """Seconds a step of one training, from the first thing it measures (its program is compiled
    by then) to its end."""

    seconds_per_step: float

    def __init__(self) -> None:
        self.seconds_per_step = 0.0
        self._began = 0.0

    def opened(self, layers: Sequence[LayerInfo], attributes: Mapping[str, Any]) -> None:
        """See Listener."""

    def recorded(self, group: str, step: int, values: Mapping[str, Any]) -> None:
        """See Listener."""
        del group, step, values
        self._began = self._began or time.perf_counter()

    def closed(self, run: Run) -> None:
        """See Listener."""
        steps = int(run.figure("steps_done")[0])
        if steps and self._began:
            self.seconds_per_step = (time.perf_counter() - self._began) / steps


class Clocks:
    """Clocks of all candidates, one a seed."""

    def __init__(self) -> None:
        self._clocks: dict[int, list[Clock]] = {}

    def listeners(self, places: Sequence[int]) -> Callable[[int, int], Sequence[Listener]]:
        """For `train`: each training has a clock.

        Args:
            places: the candidate of each entry.
        """

        def of(entry: int, seed: int) -> Sequence[Listener]:
            del seed
            clock = Clock()
            self._clocks.setdefault(places[entry], []).append(clock)
            return (clock,)

        return of

    def seconds(self, place: int) -> float:
        """Seconds a step of a candidate's quickest training, which was disturbed the least; 0
        where nothing was timed."""
        found = [c.seconds_per_step for c in self._clocks.get(place, ()) if c.seconds_per_step]
        return min(found, default=0.0)
