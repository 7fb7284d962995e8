"""Files that a command could not write."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from gradgauge.errors import OutputProblem


class Unwritten:
    """What could not be written: no reason to lose what was computed.

    The first such problem is kept until the results are shown.

    Attributes:
        problem: why a file is missing; None.
    """

    problem: OutputProblem | None

    def __init__(self) -> None:
        self.problem = None

    @contextlib.contextmanager
    def noting(self) -> Iterator[None]:
        """Within it a file that cannot be written ends the writing, and nothing else."""
        try:
            yield
        except OutputProblem as problem:
            self.problem = self.problem or problem

    def complain(self) -> None:
        """Raise what was kept, if anything was.

        Raises:
            OutputProblem: a file could not be written.
        """
        if self.problem is not None:
            raise self.problem
