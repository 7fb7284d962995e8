"""What cannot be watched, and why."""

from __future__ import annotations

from gradgauge.errors import Problem


class CannotWatch(Problem):
    """An object, or a choice of arguments, that no watcher can work with.

    Args:
        reason: a key of the catalogue's `errors.watch` table.
        facts: what fills its placeholders.
    """

    table = "watch"
