"""The order of findings: causes before mechanisms before symptoms."""

from __future__ import annotations

from collections.abc import Sequence

from gradgauge.diagnosis.evidence import Evidence
from gradgauge.diagnosis.finding import FAULT, SEVERITIES, Finding
from gradgauge.diagnosis.rules import BY_NAME
from gradgauge.diagnosis.rules.learning_rate_too_low import hardly_moved

_TINY = 0.01
_ABSURD = 1_000.0
"""A rate that must be raised by so much is wrong whatever the signal does."""
_CURED_BY = {"inputs": "unscaled-input"}


def ranked(findings: Sequence[Finding], evidence: Evidence) -> list[Finding]:
    """Faults before warnings before notes; among faults the likeliest cause first."""
    cured = cures(evidence)
    deep = any(
        f.rule == "vanishing-gradient" and f.severity == FAULT and f.step == 0 and not f.symptom
        for f in findings
    )

    explodes = any(
        f.rule == "exploding-gradient" and f.severity == FAULT and not f.symptom for f in findings
    )
    raised = [t.factor for t in evidence.trials if t.change == "rate" and t.learns]
    absurd = max(raised, default=1.0) >= _ABSURD
    absurd = absurd or hardly_moved(evidence)
    tiny_rate = all(t.factor <= _TINY for t in evidence.trials if t.change == "rate" and t.learns)

    def key(finding: Finding) -> tuple[int, bool, float, float]:
        rank = float(BY_NAME[finding.rule].rank)
        if finding.rule == "learning-rate-too-low" and deep and not absurd:
            # A rate that is too low for a signal that has lost decades is not the cause.
            rank = 52.0
        if finding.rule == "learning-rate-too-high" and explodes and tiny_rate:
            # A rate that must be a hundredth to bear what explodes is not the cause either.
            rank = 57.0
        if finding.rule == "non-finite" and finding.step is not None:
            # Before any step: behind initial weights that overflow.
            rank = 31.0
        if finding.rule == "update-ratio" and not finding.symptom:
            # One layer alone is off: its own rate or scale, not the training's.
            rank = 34.0
        if finding.rule in cured and finding.rule == "unscaled-input":
            rank = 12.0
        return (
            SEVERITIES.index(finding.severity),
            finding.symptom,
            rank,
            -finding.certainty,
        )

    return sorted(findings, key=key)


def cures(evidence: Evidence) -> set[str]:
    """Rules whose remedy was tried and brought the training back."""
    found = {_CURED_BY[t.change] for t in evidence.trials if t.learns and t.change in _CURED_BY}
    for trial in evidence.trials:
        if trial.change == "rate" and trial.learns:
            found.add("learning-rate-too-high" if trial.factor < 1 else "learning-rate-too-low")
    return found
