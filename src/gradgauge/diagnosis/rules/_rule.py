"""Rule: looks at evidence and says what is wrong, that nothing is, or that it cannot say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gradgauge.diagnosis.evidence import Evidence
from gradgauge.diagnosis.finding import FAULT, NOTE, WARNING, Finding, NotApplicable
from gradgauge.diagnosis.limits import Limit

Outcome = list[Finding] | NotApplicable
"""Findings, none meaning that all is well; or that and why the rule has nothing to say."""

Check = Callable[[Evidence, Mapping[str, Limit]], Outcome]


@dataclass(frozen=True)
class Rule:
    """One thing that can be wrong.

    Attributes:
        name: as the contract has it.
        check: (evidence, its limits) -> Outcome.
        rank: its place among causes: the smaller, the further up the chain from cause to symptom.
        paper: where the thought comes from.
        static: whether it can say something without any training.
    """

    name: str
    check: Check
    rank: int
    paper: str
    static: bool = False


def graded(evidence: Evidence, otherwise: str = WARNING, at_start: bool = False) -> str:
    """`fault` where the training fails; else something milder: the anomaly does no harm.

    What shows before any training (`at_start`) is a fault also where the training only lags.
    """
    harmed = evidence.lagging if at_start else evidence.failing
    return FAULT if harmed else otherwise


__all__ = [
    "FAULT",
    "NOTE",
    "WARNING",
    "Check",
    "Evidence",
    "Finding",
    "Limit",
    "Mapping",
    "NotApplicable",
    "Outcome",
    "Rule",
    "graded",
]
