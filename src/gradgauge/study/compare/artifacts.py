"""The files that were written of a comparison."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Artifacts:
    """What was written of a comparison, and how.

    Attributes:
        report: path of the HTML page; None: none was written.
        runs: paths of the saved Runs.
        flags: options of the command that change what it shows, not what it trains.
        why: address of the page of a `why` about one of the networks, as a link from the report.
        why_notation: that network in one line.
        report_seconds: what page and pictures took.
        total_seconds: of the whole command; None: of the comparison alone.
    """

    report: str | None = None
    runs: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    why: str | None = None
    why_notation: str | None = None
    report_seconds: float = 0.0
    total_seconds: float | None = None


NOTHING_WRITTEN = Artifacts()
