"""The document of `gradgauge remedy --json`. Its schema: `remedy.schema.json`."""

from __future__ import annotations

from typing import Any

from gradgauge.json import finite
from gradgauge.remedies.result import Arm, Over, RemedyResult


def remedy_json(result: RemedyResult, lang: str = "en") -> dict[str, Any]:
    """The result as JSON holds it; a number that is not finite is null."""
    budget = result.budget
    return finite(
        {
            "schema": 1,
            "target": result.target,
            "framework": result.framework,
            "metric": {
                "name": result.metric.name,
                "higher_is_better": result.metric.higher_is_better,
                "rests_on_loss": result.metric.rests_on_loss,
            },
            "budget": {
                "per_arm": budget.per_arm,
                "total": budget.total,
                "unit": "samples",
                "seconds": round(budget.seconds, 3),
                "estimated_seconds": round(budget.estimated, 3),
            },
            "findings": {name: list(rules) for name, rules in result.findings.items()},
            "arms": [_arm(arm) for arm in result.arms],
            "not_applied": dict(result.not_applied),
            "advice": result.advice(lang),
            "verdict": result.verdict,
            "winner": result.winner,
            "patch": result.patch_in(lang),
            "sentence": result.sentence(lang),
            "interrupted": result.interrupted,
        }
    )


def _arm(arm: Arm) -> dict[str, Any]:
    summary = arm.summary
    return {
        "name": arm.name,
        "kind": arm.kind,
        "remedies": list(arm.remedies),
        "knobs": [dose.knob for dose in arm.candidate.doses],
        "rate": arm.rate,
        "stage": arm.stage,
        "seeds": list(arm.outcome.seeds),
        "values": list(arm.values),
        "mean": summary.mean,
        "interval": list(summary.interval) if summary.interval else None,
        "screened": arm.screened,
        "over_control": _over(arm.over_control),
        "over_rates": _over(arm.over_rates),
        "over_random_search": _over(arm.over_random_search),
        "findings": list(arm.outcome.findings) if arm.is_confirmed else None,
        "finding_gone": arm.finding_gone,
        "samples": arm.outcome.samples,
        "cost": dict(arm.cost),
    }


def _over(over: Over | None) -> dict[str, Any] | None:
    if over is None:
        return None
    return {
        "mean": over.mean,
        "interval": list(over.interval),
        "decided": over.decided,
        "p": over.p,
    }
