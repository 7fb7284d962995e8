"""A training that has lost what it had: it ends worse than it began, or than it was on the way."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from gradgauge.diagnosis.learning import last_loss, lost_skill
from gradgauge.diagnosis.rule import Evidence, Found, Rule, RuleLimits, Silent

_WINDOWS = 10
"""Parts of a training whose mean losses are held against each other."""


def check(evidence: Evidence, limits: RuleLimits) -> Iterator[Found | Silent]:
    """By the skill before, by the best part of the training, or by the loss before any step."""
    history, learning = evidence.history, evidence.learning
    if history is None or evidence.steps < evidence.limits["learning"]["least_steps"].value:
        yield Silent("no_training" if history is None else "too_few_steps", _steps(evidence))
        return
    if evidence.broke_off:
        return
    if evidence.recorded:
        if evidence.failing and evidence.learning.final > evidence.learning.initial:
            yield _found("loss", evidence.learning.initial, evidence.learning.final, evidence)
        return
    if lost_skill(learning.before, learning.skill, evidence.limits["learning"]):
        yield _found("skill", learning.before, learning.skill, evidence)
        return
    if math.isfinite(learning.skill):
        yield from _on_the_way(evidence)
    elif evidence.failing and _rose(evidence, limits):
        yield _found("loss", float(history.losses[0]), last_loss(history.losses), evidence)


def _found(case: str, was: float, now: float, evidence: Evidence) -> Found:
    return Found(
        case,
        step=evidence.last_step,
        value=now,
        limit={"loss": "rise"}.get(case, "kept"),
        remedies=("lower_rate", "stop_earlier", "warm_up"),
        facts={"was": was, "now": now},
        symptom=True,
    )


def _on_the_way(evidence: Evidence) -> Iterator[Found]:
    """What the middle of the training had and its end has not, by the loss of its steps."""
    history, learning = evidence.history, evidence.learning
    if history is None or not evidence.failing or not learning.constant > 0:
        return
    if evidence.steps < 4 * _WINDOWS or not math.isnan(learning.by_loss):
        return
    parts = np.array_split(history.losses, _WINDOWS)
    skills = [1 - float(part.mean()) / learning.constant for part in parts]
    if lost_skill(max(skills), max(skills[-1], learning.skill), evidence.limits["learning"]):
        yield _found("way", max(skills), max(skills[-1], learning.skill), evidence)


def _rose(evidence: Evidence, limits: RuleLimits) -> bool:
    """Whether the loss of the last steps stands above the first by more than their noise."""
    if evidence.history is None:
        return False
    losses = evidence.history.losses
    end = losses[-max(5, len(losses) // _WINDOWS) :]
    noise = float(end.std()) / math.sqrt(len(end))
    rise = last_loss(losses) - float(losses[0])
    return rise > max(limits["rise"].value * abs(float(losses[0])), 3 * noise)


def _steps(evidence: Evidence) -> dict[str, int]:
    return {"steps": evidence.steps}


RULE = Rule(
    "regressed",
    check,
    paper="McCloskey & Cohen (1989); Mosbach et al. (2021), On the Stability of Fine-tuning BERT",
)
