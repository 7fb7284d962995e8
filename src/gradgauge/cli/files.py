"""The folder that a command writes into, and files that could not be written there."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from gradgauge.errors import OutputProblem


def check_folder(out: Path) -> None:
    """Raise unless `out` is a folder that can be written, or can be made; leave no trace.

    Asked before a training, so that none is done in vain.

    Raises:
        OutputProblem: it is a file, or cannot be written.
    """
    if out.exists() and not out.is_dir():
        raise OutputProblem(out, "is_file")
    existing = next(folder for folder in (out, *out.parents) if folder.exists())
    try:
        # Of a name that nobody can have planted a link under, and that no other process takes.
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        raise OutputProblem(out, "not_writable", why=error.strerror) from None


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
