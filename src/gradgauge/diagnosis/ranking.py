"""The order of findings: causes before mechanisms before symptoms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gradgauge.diagnosis.evidence import Evidence
from gradgauge.diagnosis.finding import FAULT, SEVERITIES, Finding
from gradgauge.diagnosis.rules import RULES
from gradgauge.diagnosis.steps import hardly_moved, tried_rates

_PLACES = {rule.name: float(place) for place, rule in enumerate(RULES)}


@dataclass(frozen=True)
class Place:
    """A finding among the others, to be given its place.

    Attributes:
        finding: the one.
        findings: all of them, this one too.
        evidence: what they were found in.
    """

    finding: Finding
    findings: Sequence[Finding]
    evidence: Evidence

    def beside(self, rule: str) -> bool:
        """Whether there is a fault of that rule that is no symptom of something else."""
        return any(f.rule == rule and f.severity == FAULT and not f.symptom for f in self.findings)


@dataclass(frozen=True)
class Exemption:
    """Where a rule does not stand at its place in RULES.

    Attributes:
        rule: whose findings.
        after: the rule right after which they stand instead.
        when: whether it holds.
        reason: why.
    """

    rule: str
    after: str
    when: Callable[[Place], bool]
    reason: str


def _scaling_cures(place: Place) -> bool:
    return any(t.learns and t.change.scaled_inputs for t in place.evidence.trials)


def _is_deep(place: Place) -> bool:
    evidence = place.evidence
    raised = [t.change.rate_factor for t in tried_rates(evidence, lower=False) if t.learns]
    absurd = evidence.limits["learning-rate-too-low"]["absurd"].value
    if max(raised, default=1.0) >= absurd or hardly_moved(evidence):
        return False
    return place.beside("vanishing-gradient")


def _explodes(place: Place) -> bool:
    tiny = 1 / place.evidence.limits["learning-rate-too-high"]["absurd"].value
    cured = [t.change.rate_factor for t in tried_rates(place.evidence, lower=True) if t.learns]
    return all(factor <= tiny for factor in cured) and place.beside("exploding-gradient")


def _in_training(place: Place) -> bool:
    return place.finding.step is not None


def _one_layer(place: Place) -> bool:
    return not place.finding.symptom


EXEMPTIONS = (
    Exemption(
        "unscaled-input",
        "loss-mismatch",
        _scaling_cures,
        "inputs that were scaled, nothing else changed, brought the training back",
    ),
    Exemption(
        "learning-rate-too-low",
        "vanishing-gradient",
        _is_deep,
        "a rate that seems too low for a signal that has lost decades is not the cause, unless "
        "the rate is absurd",
    ),
    Exemption(
        "learning-rate-too-high",
        "exploding-gradient",
        _explodes,
        "a rate that must be a hundredth to bear what explodes is not the cause",
    ),
    Exemption(
        "non-finite",
        "bad-initial-scale",
        _in_training,
        "what overflows in the training comes after the initial weights that made it",
    ),
    Exemption(
        "update-ratio",
        "unscaled-input",
        _one_layer,
        "one layer alone is off: its own rate or scale, not the training's",
    ),
)
"""Every exemption from the order of RULES; the first that holds counts."""


def ranked(findings: Sequence[Finding], evidence: Evidence) -> list[Finding]:
    """Faults before warnings before notes; among faults the likeliest cause first."""

    def key(finding: Finding) -> tuple[int, bool, float, float]:
        place = _PLACES[finding.rule]
        at = Place(finding, findings, evidence)
        for exemption in EXEMPTIONS:
            if exemption.rule == finding.rule and exemption.when(at):
                place = _PLACES[exemption.after] + 0.5
                break
        return SEVERITIES.index(finding.severity), finding.symptom, place, -finding.certainty

    return sorted(findings, key=key)
