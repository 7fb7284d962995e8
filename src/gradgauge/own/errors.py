"""Problems with a user's own network or its data."""

from __future__ import annotations

from gradgauge.errors import Problem


class OwnProblem(Problem):
    """A function, or its data, that cannot be used in a comparison."""

    table = "own"
