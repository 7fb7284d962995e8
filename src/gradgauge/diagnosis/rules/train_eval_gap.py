"""Evaluation that differs from training by more than dropout and batch statistics explain."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from gradgauge.diagnosis.baselines import skill
from gradgauge.diagnosis.facts import Head
from gradgauge.diagnosis.learning import wanted_skill
from gradgauge.diagnosis.properties.modes import Following, Modes
from gradgauge.diagnosis.rule import (
    FAULT,
    WARNING,
    Evidence,
    Found,
    Rule,
    RuleLimits,
    Silent,
)

_FORGOTTEN = "evaluation_mode_steps"


def check(evidence: Evidence, limits: RuleLimits) -> Iterator[Found | Silent]:
    """Dropout that never ends; running statistics that never follow; outputs that know in training
    what they do not know in evaluation; a loop that never goes back to training."""
    if evidence.recorded:
        yield from _recorded(evidence, limits)
        return
    modes = evidence.properties.modes
    if modes is None and not any(head.trained is not None for head in evidence.heads):
        yield Silent("not_asked")
        return
    modes = modes or Modes()
    if modes.dropout:
        yield Found(
            "dropout",
            remedies=("tell_the_mode",),
            facts={"operation": modes.dropout},
            certainty=0.9,
        )
    for name in modes.frozen:
        yield Found("frozen_statistics", layer=name, remedies=("norm_momentum",))
    dropped = list(_dropped_last(evidence, limits))
    yield from dropped
    if not modes.dropout and not modes.frozen and not dropped:
        yield from _outputs(evidence, modes, limits)


def _dropped_last(evidence: Evidence, limits: RuleLimits) -> Iterator[Found]:
    """Outputs that are exactly 0 in training mode, at random: dropout stands behind the last layer.

    What a ReLU or a mask makes 0 is small, or 0, in evaluation mode too. A loss of the user's own
    may want two views of an embedding that differ by dropout alone.
    """
    for head in evidence.heads:
        here, there = head.after, head.trained
        if head.loss.kind == "other" or here is None or there is None or here.shape != there.shape:
            continue
        if not (np.isfinite(here).all() and np.isfinite(there).all()) or not here.all():
            continue
        zero = there == 0
        if not limits["zeros"].value <= zero.mean() < 1:
            continue
        size = np.abs(here)
        if np.median(size[zero]) >= limits["kept"].value * np.median(size[~zero]):
            yield Found(
                "dropout_last",
                layer=head.layer,
                value=float(zero.mean()),
                limit="zeros",
                remedies=("dropout_before",),
                certainty=0.95,
            )


def _outputs(evidence: Evidence, modes: Modes, limits: RuleLimits) -> Iterator[Found]:
    """What was learned shows in training mode and not in evaluation.

    Dropout makes training the worse of the two. Running statistics that are still on their way in
    a short training explain it; where they follow more slowly than any framework's own, they are
    the fault.
    """
    for head in evidence.heads:
        there, here = _skills(head)
        wanted = wanted_skill(evidence.reference.skill, evidence.limits["learning"])
        if evidence.broke_off or not there >= wanted or not here < limits["kept"].value * there:
            continue
        left = [f for f in modes.slow if f.left > limits["left"].value]
        if left:
            yield _slow(left[0], there, here, limits)
            return
        yield Found(
            "outputs_differ",
            severity=WARNING if modes.slow else FAULT,
            layer=head.layer,
            step=evidence.last_step,
            value=here,
            limit="kept",
            limit_value=limits["kept"].value * there,
            remedies=("same_in_both", "norm_momentum") if modes.slow else ("same_in_both",),
            facts={"there": there},
            certainty=0.8,
        )


def _skills(head: Head) -> tuple[float, float]:
    """In training mode and in evaluation mode, after the training."""
    if head.trained is None or head.after is None:
        return math.nan, math.nan
    kind, logits = head.loss.kind, head.loss.logits
    return skill(head.trained, head.y, kind, logits), skill(head.after, head.y, kind, logits)


def _slow(found: Following, there: float, here: float, limits: RuleLimits) -> Found:
    return Found(
        "slow_statistics",
        severity=FAULT if found.share < limits["share"].value else WARNING,
        layer=found.layer,
        value=found.left,
        limit="left",
        remedies=("norm_momentum", "train_longer"),
        facts={"share": found.share, "there": there, "here": here},
        certainty=0.9,
    )


def _recorded(evidence: Evidence, limits: RuleLimits) -> Iterator[Found | Silent]:
    """Steps in evaluation mode after steps in training mode, to the end."""
    attributes = evidence.run.attributes if evidence.run is not None else {}
    if _FORGOTTEN not in attributes:
        yield Silent("recorded.experiments")
        return
    forgotten, steps = int(attributes[_FORGOTTEN]), evidence.last_step + 1
    least = evidence.limits["learning"]["least_steps"].value
    if forgotten >= max(limits["forgotten"].value * steps, least):
        yield Found(
            "mode_forgotten",
            step=steps - forgotten,
            value=forgotten / steps,
            limit="forgotten",
            remedies=("call_train",),
            facts={"forgotten": forgotten, "steps": steps},
            certainty=1.0,
        )


RULE = Rule(
    "train-eval-gap",
    check,
    paper="Srivastava et al. (2014), section 4; Ioffe & Szegedy (2015), algorithm 2",
    static=True,
)
