"""The folder that a command writes into, and files that could not be written there."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from gradgauge.errors import OutputProblem
from gradgauge.places import is_folder, is_there


def check_folder(out: Path) -> None:
    """Raise unless `out` is a folder that can be written, or can be made; leave no trace.

    Asked before a training, so that none is done in vain.

    Raises:
        OutputProblem: it is a file, or cannot be written.
    """
    if is_there(out) and not is_folder(out):
        raise OutputProblem(out, "is_file")
    existing = next((folder for folder in (out, *out.parents) if is_there(folder)), Path())
    try:
        # A name, or the whole, may be too long for any system.
        for place in (out, *(existing / name for name in out.parts[len(existing.parts) :])):
            with contextlib.suppress(FileNotFoundError):
                place.lstat()
        # Of a name that nobody can have planted a link under, and that no other process takes.
        with tempfile.TemporaryFile(dir=existing):
            pass
    except (OSError, ValueError) as error:  # A NUL in a name is a ValueError.
        why = getattr(error, "strerror", None) or error
        raise OutputProblem(out, "not_writable", why=why) from None


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
