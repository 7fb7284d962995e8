"""Rule: looks at evidence and says what is wrong, that nothing is, or that it cannot say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

from gradgauge.diagnosis.evidence import Evidence
from gradgauge.diagnosis.finding import FAULT, NOTE, WARNING, Finding, NotApplicable
from gradgauge.diagnosis.limits import RuleLimits
from gradgauge.diagnosis.trial import Change


@dataclass(frozen=True)
class Found:
    """Something that a rule has found; `ask` stamps the rule's name and the limit's source on it.

    Attributes:
        case: which of the rule's sentences: a key of the catalogue's `diagnosis.finding.RULE`.
        severity: `fault`, `warning` or `note`.
        layer, step, value: as in Finding.
        limit: name of one of the rule's limits; None: a matter of definition, whose source is
            the rule's own.
        limit_value: what the value is held against, where that is not the limit's own value but
            made from it (a power, a share of something measured).
        remedies: keys of the catalogue's `diagnosis.remedy`, the most promising first.
        facts: what fills the placeholders of the sentence and of the remedies.
        certainty: orders findings of one rule, in [0, 1].
        symptom: whether something else has caused it, so that it comes after causes.
    """

    case: str
    _: KW_ONLY
    severity: str = FAULT
    layer: str | None = None
    step: int | None = None
    value: float | None = None
    limit: str | None = None
    limit_value: float | None = None
    remedies: Sequence[str] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    certainty: float = 0.5
    symptom: bool = False


@dataclass(frozen=True)
class Silent:
    """That a rule has nothing to say, and why: a key of the catalogue's `diagnosis.reason`."""

    reason: str
    facts: Mapping[str, Any] = field(default_factory=dict)


Check = Callable[[Evidence, RuleLimits], Iterable[Found | Silent]]
"""Yields what was found, nothing where all is well, or Silent."""


def no_changes(evidence: Evidence) -> Sequence[Change]:
    """Nothing is worth trying."""
    del evidence
    return ()


def not_luck(evidence: Evidence) -> bool:
    """Other weights need not be drawn."""
    del evidence
    return False


@dataclass(frozen=True)
class Rule:
    """One thing that can be wrong. Its place among causes is its place in RULES.

    Attributes:
        name: as `--off`, `explain` and findings have it.
        check: (evidence, its limits) -> what it finds.
        paper: where the thought comes from.
        static: whether it can say something without any training.
        changes: what to try, each alone, where this rule may name the cause: the training that
            one of them brings back proves it. The first that does ends the rule's trials.
        luck: whether what it finds may be a matter of the weights drawn, so that the training is
            worth repeating from others.
        needs: what this rule cannot do without and a recorded Run does not hold: a key of the
            catalogue's `diagnosis.reason.recorded`; empty: it asks a Run as well.
    """

    name: str
    check: Check
    _: KW_ONLY
    paper: str
    static: bool = False
    changes: Callable[[Evidence], Sequence[Change]] = no_changes
    luck: Callable[[Evidence], bool] = not_luck
    needs: str = ""


def ask(rule: Rule, evidence: Evidence) -> tuple[list[Finding], NotApplicable | None]:
    """What a rule finds, the surest first, or why it has nothing to say."""
    if evidence.recorded and rule.needs:
        return [], NotApplicable(rule.name, f"recorded.{rule.needs}")
    limits = evidence.limits.get(rule.name, {})
    findings: list[Finding] = []
    silent: NotApplicable | None = None
    for outcome in rule.check(evidence, limits):
        if isinstance(outcome, Silent):
            silent = NotApplicable(rule.name, outcome.reason, outcome.facts)
        else:
            findings.append(_stamped(rule, outcome, limits))
    return findings, None if findings else silent


def _stamped(rule: Rule, found: Found, limits: RuleLimits) -> Finding:
    limit = limits[found.limit] if found.limit is not None else None
    shown = found.limit_value if found.limit_value is not None else limit and limit.value
    return Finding(
        rule=rule.name,
        severity=found.severity,
        case=found.case,
        layer=found.layer,
        step=found.step,
        value=found.value,
        limit=shown,
        limit_source=limit.source if limit is not None else rule.paper,
        remedies=tuple(found.remedies),
        facts=found.facts,
        certainty=found.certainty,
        symptom=found.symptom,
    )


def graded(
    evidence: Evidence, otherwise: str = WARNING, *, at_start: bool = False, mended: bool = False
) -> str:
    """`fault` where the training fails; else something milder: the anomaly does no harm.

    What shows before any training (`at_start`) is a fault also where the training only lags,
    unless it has learned and the anomaly is gone at its end (`mended`).
    """
    lags = evidence.lagging and not (mended and evidence.learned)
    harmed = lags if at_start else evidence.failing
    return FAULT if harmed else otherwise


__all__ = [
    "FAULT",
    "NOTE",
    "WARNING",
    "Change",
    "Evidence",
    "Found",
    "Rule",
    "RuleLimits",
    "Silent",
    "ask",
    "graded",
]
