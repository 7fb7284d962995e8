"""What cannot be diagnosed, and why."""

from __future__ import annotations

from gradgauge.errors import Problem


class CannotDiagnose(Problem):
    """A model, or what was given with it, that no diagnosis can be made of.

    Args:
        reason: a key of the catalogue's `errors.diagnose` table.
        facts: what fills its placeholders.
    """

    table = "diagnose"
