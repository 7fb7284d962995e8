"""A trial of remedies in words and cells, for terminal, page and notebook."""

from __future__ import annotations

from gradgauge.messages.catalog import sentence
from gradgauge.messages.figure import signed
from gradgauge.remedies.result import Arm, Over, RemedyResult
from gradgauge.remedies.sentences import arm_name

_COLUMNS = ("arm", "rate", "score", "over_control", "over_search", "gone", "cost")


def heads(lang: str) -> list[str]:
    """The table's headings."""
    return [sentence(f"remedy.table.{key}", lang) for key in _COLUMNS]


def row(result: RemedyResult, arm: Arm, lang: str) -> list[str]:
    """An arm's cells."""
    summary = arm.summary
    # Of two short trainings an interval says nothing.
    told = summary.interval if arm.is_confirmed else None
    half = "" if told is None else f"±{told[1] - summary.mean:.2f}"
    mark = " ←" if arm is result.winning else ""
    gone = {None: "", True: "remedy.table.yes", False: "remedy.table.no"}[arm.finding_gone]
    times = arm.cost.get("seconds_per_step")
    return [
        f"{arm_name(arm, lang)}{mark}",
        f"×{arm.candidate.rate_factor:.2g}" if result.scales_rate else f"{arm.rate:.2g}",
        f"{summary.mean:.3f}{half}",
        _over(arm.over_control),
        _over(arm.over_random_search),
        sentence(gone, lang) if gone else "",
        f"{times:.1f}" if times and times == times else "",
    ]


def _over(over: Over | None) -> str:
    if over is None:
        return ""
    return f"{signed(over.mean)}{'*' if over.decided else ' '}"


def not_applied_lines(result: RemedyResult, lang: str) -> list[str]:
    """What could not be tried, and why."""
    return [
        sentence(
            "remedy.table.not_applied",
            lang,
            remedy=sentence(f"remedy.name.{name}", lang),
            reason=why.sentence(lang),
        )
        for name, why in result.cannot.items()
    ]


def advice_lines(result: RemedyResult, lang: str) -> list[str]:
    """What only the owner of the program can change."""
    return [sentence("remedy.table.advice", lang, advice=told) for told in result.advice(lang)]


def spending_line(result: RemedyResult, lang: str) -> str:
    """What the trial took."""
    return sentence(
        "report.remedy.spent",
        lang,
        samples=f"{result.budget.total:,}",
        per_arm=f"{result.budget.per_arm:,}",
        seconds=f"{result.budget.seconds:,.0f}",
    )
