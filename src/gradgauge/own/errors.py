"""What can be wrong with a network of somebody's own, or with its data."""

from __future__ import annotations

from gradgauge.errors import Problem


class OwnProblem(Problem):
    """A function or its data that a comparison cannot use."""

    table = "own"
