"""What cannot be watched, and why."""

from __future__ import annotations

from gradgauge.errors import GradgaugeError, Problem
from gradgauge.messages.catalog import Message


class CannotWatch(Problem):
    """An object that cannot be watched, or arguments that do not fit.

    Args:
        reason: a key of the catalogue's `errors.watch` table.
        facts: what fills its placeholders.
    """

    table = "watch"


class NotFinite(GradgaugeError):
    """Raised with `stop_on_nan` at the first NaN or infinity of a watched training run.

    Args:
        step: the step, counted from 0, in which it was found.
        layer: name of the layer where it began; empty: unknown.
        operation: the operation that produced it; empty: unknown.
        updated: whether the weights may already have been updated in this step.
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
