"""What cannot be watched, and why."""

from __future__ import annotations

from gradgauge.errors import GradgaugeError, Problem
from gradgauge.messages.catalog import Message


class CannotWatch(Problem):
    """An object, or a choice of arguments, that no watcher can work with.

    Args:
        reason: a key of the catalogue's `errors.watch` table.
        facts: what fills its placeholders.
    """

    table = "watch"


class NotFinite(GradgaugeError):
    """A watched training that was to stop at its first NaN or infinity, and does.

    Args:
        step: the step, counted from 0, in which it was seen.
        layer: name of the layer where it began; empty: not known.
        operation: what gave the first value that is not finite; empty: not known.
        updated: whether the step's update may have been made by now.
    """

    step: int
    layer: str
    operation: str
    updated: bool

    def __init__(self, step: int, layer: str = "", operation: str = "", *, updated: bool = False):
        super().__init__(step=step, layer=layer, operation=operation, updated=updated)

    def message(self) -> Message:
        """See GradgaugeError."""
        where = "layer" if self.layer and self.operation else "anywhere"
        facts = {"step": self.step, "layer": self.layer, "operation": self.operation}
        table = "not_finite_updated" if self.updated else "not_finite"
        return Message(f"errors.watch.{table}.{where}", facts)
