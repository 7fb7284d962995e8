"""Listeners: notified of progress, or of every value as it is measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from gradgauge.layers import LayerInfo
from gradgauge.run import Run

OnProgress = Callable[[int, int], None]
"""Told what is done and how much there is in all, perhaps from a worker's thread; never while
something that others wait for is held."""


def expect(told: OnProgress | None, seconds: float) -> None:
    """Report the estimated duration to a progress listener before the work starts.

    Args:
        told: the listener; it is notified if it has a method `expect`.
        seconds: the estimate.
    """
    hear = getattr(told, "expect", None)
    if hear is not None:
        hear(seconds)


class Listener(Protocol):
    """Notified while a network is trained or watched, such as a live table or a writer."""

    def opened(self, layers: Sequence[LayerInfo], attributes: Mapping[str, Any]) -> None:
        """Called when the layers are known and nothing has been measured yet."""

    def recorded(self, group: str, step: int, values: Mapping[str, Any]) -> None:
        """Called after a measurement. `steps` or `probes`: quantity -> (layers,), `loss` -> a
        number; `epochs`: name -> a number, where `step` is the epoch."""

    def closed(self, run: Run) -> None:
        """Called when training has ended."""
