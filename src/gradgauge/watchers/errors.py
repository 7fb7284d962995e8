"""What cannot be watched, and why."""

from __future__ import annotations

from typing import Any

from gradgauge.errors import GradgaugeError


class CannotWatch(GradgaugeError):
    """An object, or a choice of arguments, that no watcher can work with.

    Args:
        reason: a key of the catalogue's `errors.watch` table.
        facts: what fills its placeholders.
    """

    def __init__(self, reason: str, **facts: object):
        self.reason, self.facts = reason, facts
        super().__init__(reason, facts)

    def message(self) -> tuple[str, dict[str, Any]]:
        return f"errors.watch.{self.reason}", dict(self.facts)
