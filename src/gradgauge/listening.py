"""Who is told while something runs: of progress, or of every figure that is taken."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from gradgauge.layers import LayerInfo
from gradgauge.run import Run

OnProgress = Callable[[int, int], None]
"""Told what is done and how much there is in all, perhaps from a worker's thread; never while
something that others wait for is held."""


def expect(told: OnProgress | None, seconds: float) -> None:
    """Tell whoever follows the progress about how long all of it will take, before it starts.

    Args:
        told: who follows; it is told if it has a method `expect`.
        seconds: about how many.
    """
    hear = getattr(told, "expect", None)
    if hear is not None:
        hear(seconds)


class Listener(Protocol):
    """Who wants to be told while a network is trained or watched: a live table, a writer."""

    def opened(self, layers: Sequence[LayerInfo], attributes: Mapping[str, Any]) -> None:
        """The layers are known; nothing has been measured."""

    def recorded(self, group: str, step: int, values: Mapping[str, Any]) -> None:
        """Something was measured: `steps` or `probes`: quantity -> (layers,), `loss` -> a number;
        `epochs`: figure -> a number, `step` being the epoch."""

    def closed(self, run: Run) -> None:
        """The training is over."""
