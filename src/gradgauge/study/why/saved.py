"""The page that a `why` left on disk, for the report of a comparison to point at."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

FIGURES, PAGE = "why.json", "report.html"
"""What `gradgauge why` writes into its folder."""

FOLDER = "why"
"""Its folder's name, beside that of `compare`."""

_MOST_BYTES = 4_000_000


def find_why(beside: Path, notations: Iterable[str]) -> tuple[Path, str] | None:
    """The page about one of the networks, and that network's notation; None: there is none.

    Args:
        beside: the folder of a comparison; a `why` of the same work lies in its neighbor.
        notations: the comparison's networks.
    """
    folder = beside.parent / FOLDER
    figures, page = folder / FIGURES, folder / PAGE
    try:
        if not page.is_file() or figures.stat().st_size > _MOST_BYTES:
            return None
        network = json.loads(figures.read_text("utf-8"))["network"]
    except (OSError, ValueError, KeyError, TypeError):  # Not there, or not such as we write.
        return None
    return (page, network) if network in set(notations) else None
