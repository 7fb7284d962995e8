"""The verdict that follows from the confirmed arms' figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from gradgauge.remedies.result import Arm, Over
from gradgauge.remedies.trainer import CONTROL, RANDOM_SEARCH, RATES, REMEDY, Metric
from gradgauge.remedies.verdicts import AS_GOOD_AS_RANDOM, NOTHING_DECIDED, REPAIRED, SYMPTOM_ONLY
from gradgauge.sign_flip import compare_paired


def compare_arms(arms: Sequence[Arm]) -> None:
    """Every confirmed arm against the control, the rates and random search: three families, each
    judged as one. A claim that needs several of them holds with 95 % already, for all must hold.
    """
    for kind, name in (
        (CONTROL, "over_control"),
        (RATES, "over_rates"),
        (RANDOM_SEARCH, "over_random_search"),
    ):
        confirmed = [arm for arm in arms if arm.is_confirmed]
        reference = next((arm for arm in confirmed if arm.kind == kind), None)
        if reference is None:
            continue
        others = [arm for arm in confirmed if arm is not reference and arm.kind != CONTROL]
        rows = [np.subtract(arm.values, reference.values).tolist() for arm in others]
        for arm, found in zip(others, compare_paired(rows), strict=True):
            setattr(arm, name, Over(found.mean, found.interval, found.decided, found.p))


def verdict_of(
    arms: Sequence[Arm], metric: Metric, findings: Sequence[str]
) -> tuple[str, Arm | None]:
    """The verdict and the winner.

    `repaired`: an arm is decidedly better than the control, than the rates unless it is the
    rates, and not decidedly worse than random search; of several, the one with the best mean.
    `as-good-as-random-search`: no such arm, but random search's best is decidedly better than the
    control, and no remedy than it. `symptom-only`: a finding is gone and nothing is decidedly
    better. Else `nothing-decided`.

    Args:
        arms: compared.
        metric: which way is better.
        findings: rules that found a fault in the training as it is.
    """
    better = _better(metric)
    confirmed = [arm for arm in arms if arm.is_confirmed]
    proved = [
        arm
        for arm in confirmed
        if arm.kind in (REMEDY, RATES)
        and better(arm.over_control) is True
        and (arm.kind == RATES or arm.over_rates is None or better(arm.over_rates) is True)
        and better(arm.over_random_search) is not False
    ]
    if proved:
        return REPAIRED, _best(proved, metric)
    search = next((arm for arm in confirmed if arm.kind == RANDOM_SEARCH), None)
    beaten = any(better(arm.over_random_search) is True for arm in confirmed if arm.kind == REMEDY)
    if search is not None and better(search.over_control) is True and not beaten:
        return AS_GOOD_AS_RANDOM, search
    gone = any(arm.finding_gone for arm in confirmed if arm.kind != CONTROL)
    return (SYMPTOM_ONLY if findings and gone else NOTHING_DECIDED), None


def _better(metric: Metric) -> Callable[[Over | None], bool | None]:
    """Whether a decided difference is for the better; None: not decided."""

    def better(over: Over | None) -> bool | None:
        if over is None or not over.decided:
            return None
        return (over.mean > 0) == metric.higher_is_better

    return better


def _best(arms: Sequence[Arm], metric: Metric) -> Arm:
    sign = 1 if metric.higher_is_better else -1
    return max(arms, key=lambda arm: sign * arm.mean)
