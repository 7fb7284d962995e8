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
        step: the step, counted from 0, before whose update it was seen.
        layer: name of the layer where it began; empty: not known.
        operation: what gave the first value that is not finite; empty: not known.
    """

    step: int
    layer: str
    operation: str

    def __init__(self, step: int, layer: str = "", operation: str = ""):
        super().__init__(step=step, layer=layer, operation=operation)

    def message(self) -> Message:
        """See GradgaugeError."""
        where = "layer" if self.layer and self.operation else "anywhere"
        facts = {"step": self.step, "layer": self.layer, "operation": self.operation}
        return Message(f"errors.watch.not_finite.{where}", facts)
