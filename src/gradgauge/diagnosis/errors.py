"""What cannot be diagnosed, and why."""

from __future__ import annotations

from typing import Any

from gradgauge.errors import GradgaugeError


class CannotDiagnose(GradgaugeError):
    """A model, or what was given with it, that no diagnosis can be made of.

    Args:
        reason: a key of the catalogue's `errors.diagnose` table.
        facts: what fills its placeholders.
    """

    def __init__(self, reason: str, **facts: object):
        self.reason, self.facts = reason, facts
        super().__init__(reason, facts)

    def message(self) -> tuple[str, dict[str, Any]]:
        return f"errors.diagnose.{self.reason}", dict(self.facts)
