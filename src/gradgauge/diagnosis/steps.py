"""What a training's steps looked like: too long, too short, and which rates were tried."""

from __future__ import annotations

import math

import numpy as np

from gradgauge.diagnosis.evidence import Evidence
from gradgauge.diagnosis.learning import FAILING, LEARNED, times_as_long
from gradgauge.diagnosis.signals import cannot_move
from gradgauge.diagnosis.trial import Trial


def began_finite(evidence: Evidence) -> bool:
    """Whether the loss before any step is a number."""
    history = evidence.history
    return history is None or not history.steps or math.isfinite(history.losses[0])


def worst_sharpness(evidence: Evidence) -> float:
    """The middle of the measured step sharpnesses, or the first where that is worse."""
    history = evidence.history
    found = [v for v in history.sharpness.values() if not math.isnan(v)] if history else []
    return max(float(np.median(found)), found[0]) if found else 0.0


def middle_sharpness(evidence: Evidence) -> float:
    """The middle of the finite ones; 0 where there is none."""
    found = _finite(evidence)
    return float(np.median(found)) if found else 0.0


def _finite(evidence: Evidence) -> list[float]:
    history = evidence.history
    return [v for v in history.sharpness.values() if math.isfinite(v)] if history else []


def hardly_moved(evidence: Evidence) -> bool:
    """Whether all steps together are shorter than a fraction of the one best step: then nothing
    could be learned, whatever else is wrong, and a cure that does not work at once proves nothing."""
    found = _finite(evidence)
    limit = evidence.limits["learning-rate-too-low"]["best_steps"].value
    return bool(found) and 0 <= float(np.median(found)) * evidence.steps < limit


def ran_away(evidence: Evidence) -> bool:
    """Whether the training broke off, or its loss rose far above the first one."""
    history = evidence.history
    if history is None or not history.steps:
        return False
    blowup = evidence.limits["learning"]["blowup"].value
    rose = bool(history.losses.max() > blowup * abs(history.losses[0]))
    return history.non_finite_step is not None or rose


def long_steps(evidence: Evidence) -> bool:
    """Whether one of the first steps changes a layer's weights by much of their size."""
    if evidence.run is None:
        return False
    ratios = evidence.run.values("steps", "update_ratio")[0][:3]
    ratios = ratios[np.isfinite(ratios)]
    return bool(ratios.size) and float(ratios.max()) > evidence.limits["update-ratio"]["high"].value


def is_slow(evidence: Evidence) -> bool:
    """Whether the training would have to be many times as long, and has not yet learned."""
    times = times_as_long(evidence.learning, evidence.probe_losses)
    limit = evidence.limits["learning-rate-too-low"]["times"].value
    return not evidence.too_short and evidence.learning.verdict != LEARNED and times > limit


def falls_short(evidence: Evidence) -> bool:
    """Whether another training could still be much better than this one."""
    much = evidence.limits["learning"]["much_better"].value
    return (
        not evidence.too_short and evidence.learning.skill < (1 - much) * evidence.learning.target
    )


def rates_worth_trying(evidence: Evidence) -> bool:
    """Whether other rates may tell why the training fails, lags or is slow."""
    if not evidence.optimizer.can_vary or not began_finite(evidence):
        return False
    if evidence.history is not None and evidence.history.non_finite_step == 0:
        return False  # what is not finite before the first step is no rate's doing
    if cannot_move(evidence):
        return False  # no rate helps where there is no gradient, or nothing that takes a step
    overlong = worst_sharpness(evidence) > 1 or long_steps(evidence)
    lags = evidence.lagging and overlong
    return evidence.learning.verdict == FAILING or lags or is_slow(evidence)


def tried_rates(evidence: Evidence, *, lower: bool) -> list[Trial]:
    """Trials with a lower rate, or with a higher one."""
    return [
        t
        for t in evidence.trials
        if t.change.rate_factor != 1 and (t.change.rate_factor < 1) == lower
    ]
