"""An error that the user's own code has raised: where it stands, for one sentence about it."""

from __future__ import annotations

import sysconfig
import traceback
from pathlib import Path

from gradgauge.messages.catalog import Message

_PACKAGE = Path(__file__).parents[1]
_INSTALLED = frozenset({"site-packages", "dist-packages"})
_MOST_LETTERS = 200


def message_of(error: BaseException) -> Message | None:
    """What the user's own code has raised, and in which line of it; None: it was raised by ours,
    or by a library that we have called."""
    places = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if _is_ours(frame.filename) or _is_own(frame.filename)
    ]
    if not places or _is_ours(places[-1].filename):
        return None
    place = places[-1]
    why = str(error).strip().partition("\n")[0][:_MOST_LETTERS].rstrip(".") or "-"
    facts = {
        "kind": type(error).__name__,
        "why": why,
        "path": place.filename,
        "line": place.lineno,
        "function": place.name,
    }
    return Message("errors.own_code", facts)


def _is_ours(filename: str) -> bool:
    return Path(filename).is_relative_to(_PACKAGE)


def _is_own(filename: str) -> bool:
    """Whether it is a file, and neither Python's nor installed."""
    path = Path(filename)
    if not path.is_file() or _INSTALLED & set(path.parts):
        return False
    return not path.is_relative_to(sysconfig.get_paths()["stdlib"])
