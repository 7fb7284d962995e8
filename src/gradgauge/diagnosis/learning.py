"""Whether a training learns: asked before any rule calls a small gradient or a dead unit a fault."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from gradgauge.diagnosis.baselines import constant_loss, skill
from gradgauge.diagnosis.limits import Limit

if TYPE_CHECKING:
    from gradgauge.diagnosis.facts import Head, TrainingHistory
    from gradgauge.diagnosis.reference import Reference

LEARNED, LEARNING, FAILING, UNKNOWN = "learned", "learning", "failing", "unknown"


@dataclass(frozen=True)
class Learning:
    """Whether a training learns, and by what.

    Attributes:
        verdict: `learned`: it has got much of what there is to get, or had it already;
            `learning`: it is on the way, the loss falls at a fair pace; `failing`: neither;
            `unknown`: no training, or too short a one.
        skill: how much better than the best constant answer at the end, 1 being perfect.
        before: the same before the training.
        target: what a simple learner reaches; NaN: not known.
        pace: the share of the way that was still to go that the last part of it has made.
        initial, final, constant: losses: at the start, at the end, of the best constant answer.
        by_loss: what `skill` would be by the loss of the last steps, where the outputs on samples
            of all data deny it; NaN: they agree.
    """

    verdict: str
    skill: float = math.nan
    before: float = math.nan
    target: float = math.nan
    pace: float = math.nan
    initial: float = math.nan
    final: float = math.nan
    constant: float = math.nan
    by_loss: float = math.nan


def judge(
    heads: Sequence[Head],
    history: TrainingHistory | None,
    probe_losses: np.ndarray,
    reference: Reference,
    limits: Mapping[str, Limit],
    epoch: int = 0,
) -> Learning:
    """The verdict over all heads: that of the worst.

    Args:
        heads: outputs before and after.
        history: losses of the steps; None: no training.
        probe_losses: losses on fixed samples over the training, no noise of batches in them;
            empty: not known.
        reference: what a simple learner reaches.
        limits: of `learning`.
        epoch: steps of one pass through the data; 0: not known.
    """
    if history is None or history.steps == 0:
        return Learning(UNKNOWN)
    alone, short = len(heads) == 1, too_short(history, epoch, limits)
    found = [_judge(h, history, probe_losses, reference, limits, alone, short) for h in heads]
    order = (FAILING, LEARNING, UNKNOWN, LEARNED)
    worst = min(found, key=lambda f: order.index(f.verdict)) if found else Learning(UNKNOWN)
    fails = worst.verdict == FAILING and history.non_finite_step is None
    if fails and not _below_constant(worst, limits) and on_its_way(worst, probe_losses, limits):
        return replace(worst, verdict=LEARNING)
    return worst


def _below_constant(found: Learning, limits: Mapping[str, Limit]) -> bool:
    """Whether a training ends worse than the best constant answer, which biases alone reach."""
    return math.isfinite(found.skill) and found.skill < 1 - limits["above_constant"].value


def too_short(history: TrainingHistory, epoch: int, limits: Mapping[str, Limit]) -> bool:
    """Whether a training is too short to be blamed for what it has not learned.

    It may learn in a few steps, run away, or lose what it had; that it has not got far says
    nothing, nor does it before the data have been seen once, unless the steps are many.
    """
    steps = history.last + 1
    unseen = steps < min(epoch, limits["flat_steps"].value)
    return steps < limits["short_steps"].value or unseen


def _judge(
    head: Head,
    history: TrainingHistory,
    probe_losses: np.ndarray,
    reference: Reference,
    limits: Mapping[str, Limit],
    alone: bool,
    short: bool,
) -> Learning:
    losses = history.losses
    initial, final = first_loss(losses), last_loss(losses)
    kind = head.loss.kind
    constant = constant_loss(head.y, kind, head.loss.smoothing)
    comparable = alone and not history.weighted and math.isfinite(constant) and constant > 0
    before = skill(head.before, head.y, kind, head.loss.logits)
    after = before if head.after is None else skill(head.after, head.y, kind, head.loss.logits)
    trained = 1 - final / constant if comparable else -math.inf
    target = reference.skill
    wanted = wanted_skill(target, limits)
    best = float(np.nanmax([after, trained, -math.inf]))
    denied = (
        comparable and trained >= wanted and _denied(head, after, probe_losses, constant, wanted)
    )
    if denied:
        best = after
    floor = constant * (1 - _target(target)) if comparable else math.nan
    pace = pace_of(losses, floor, limits["least_steps"].value)
    figures = (best, before, target, pace, initial, final, constant)
    if history.non_finite_step is not None:
        return Learning(FAILING, *figures)
    if denied:
        return Learning(FAILING, *figures, by_loss=trained)
    if math.isfinite(best):
        verdict = _by_skill(figures, comparable, limits, short)
    else:
        verdict = _by_history(losses, probe_losses, limits, short)
    return Learning(verdict, *figures)


def wanted_skill(target: float, limits: Mapping[str, Limit]) -> float:
    """The skill that counts as learned."""
    if target >= limits["learnable"].value:
        return limits["share"].value * target
    return limits["gain"].value


def _denied(
    head: Head, after: float, probe_losses: np.ndarray, constant: float, wanted: float
) -> bool:
    """Whether the outputs deny what the loss of the last steps says.

    In evaluation mode outputs may be worse than in training, for batch statistics or dropout, so
    a second witness is asked: the loss of fixed samples. Where there are no modes the outputs are
    what the loss sees.
    """
    if not math.isfinite(after) or after >= wanted:
        return False
    seen = probe_losses[np.isfinite(probe_losses)]
    return head.pure or (len(seen) > 0 and 1 - float(seen[-1]) / constant < wanted)


def _by_skill(
    figures: tuple[float, ...],
    comparable: bool,
    limits: Mapping[str, Limit],
    short: bool,
) -> str:
    best, before, target, pace, initial, final, constant = figures
    lost = lost_skill(before, best, limits)
    if best >= wanted_skill(target, limits) and not lost:
        return LEARNED
    if lost:
        return FAILING
    below = final <= limits["above_constant"].value * constant if comparable else True
    if pace >= limits["pace"].value and below and final < initial:
        return LEARNING
    if short:
        bound = limits["blowup"].value * max(initial, constant if comparable else initial)
        return FAILING if final > bound else UNKNOWN
    return FAILING


def lost_skill(before: float, after: float, limits: Mapping[str, Limit]) -> bool:
    """Whether a skill that was there has been lost."""
    had = math.isfinite(before) and before > limits["had"].value
    return had and after < limits["kept"].value * before


def _by_history(
    losses: np.ndarray, probe_losses: np.ndarray, limits: Mapping[str, Limit], short: bool
) -> str:
    """Without a score: whether the loss falls by more than its noise.

    That a loss falls shows that the training is on its way, not what it has learned. The start is
    the loss before any step, on fixed samples where there are some: a first step that throws the
    weights far off makes all that follows look like a fall.
    """
    if len(losses) < limits["least_steps"].value:
        return UNKNOWN
    first, last = float(losses[0]), last_loss(losses)
    seen = probe_losses[np.isfinite(probe_losses)]
    fixed = float(seen[0] - seen[-1]) if len(seen) > 1 else first - last
    scale = abs(first)
    if not scale:
        return UNKNOWN
    if min(first - last, fixed) / scale >= limits["fall"].value:
        return LEARNING
    rise = limits["blowup"].value - 1 if short else limits["rise"].value
    return FAILING if max(first - last, fixed) / scale < -rise else UNKNOWN


def judge_course(
    history: TrainingHistory | None,
    probe_losses: np.ndarray,
    guessing: float,
    limits: Mapping[str, Limit],
) -> Learning:
    """The verdict of a training of which only losses are known; never `learned`.

    A loss that falls, or rises, by more than the noise of its batches is on its way, or fails. One
    that neither falls nor rises may have nothing left to learn, unless it stands where guessing
    stands: at ln K of K equal odds.

    Args:
        history: losses of the steps; None: no training.
        probe_losses: losses on fixed samples; empty: there were none.
        guessing: the loss of equal odds; NaN: not known.
        limits: of `learning`.
    """
    if history is None:
        return Learning(UNKNOWN)
    if history.non_finite_step is not None:
        return Learning(FAILING)
    losses = history.losses
    if len(losses) < limits["least_steps"].value:
        return Learning(UNKNOWN)
    seen = probe_losses[np.isfinite(probe_losses)]
    # The first loss is of the weights as they were: the first step may throw them far off.
    pair = (float(losses[0]), last_loss(losses))
    start, end = (float(seen[0]), float(seen[-1])) if len(seen) > 1 else pair
    at_chance = abs(start - guessing) <= limits["near_guessing"].value * guessing
    pace = pace_of(losses, math.nan, limits["least_steps"].value)
    figures = Learning(
        UNKNOWN,
        skill=1 - end / guessing if at_chance else math.nan,
        pace=pace,
        initial=start,
        final=end,
        constant=guessing if at_chance else math.nan,
    )
    noise, scale = (0.0 if len(seen) > 1 else _noise(losses)), abs(start)
    fell = start - end
    stands = at_chance and history.last + 1 >= limits["flat_steps"].value and not pace > 0
    # From a first loss above guessing down to guessing is no way that leads further.
    if stands and abs(end - guessing) <= limits["rise"].value * guessing:
        return replace(figures, verdict=FAILING)
    if fell > max(limits["fall"].value * scale, 2 * noise):
        return replace(figures, verdict=LEARNING)
    late = end - start if len(seen) > 1 else float(losses[len(losses) // 2 :].mean()) - start
    if min(-fell, late) > limits["rise"].value * scale and late > 3 * noise:
        return replace(figures, verdict=FAILING)
    return replace(figures, verdict=FAILING) if stands else figures


def _noise(losses: np.ndarray) -> float:
    """Standard error of the mean over the second half less the first loss, whose own spread is
    taken to be the same share of it."""
    end = losses[len(losses) // 2 :]
    spread, mean = float(end.std()), float(np.abs(end).mean())
    first = spread / mean * abs(float(losses[0])) if mean else 0.0
    return math.hypot(spread / math.sqrt(len(end)), first)


def times_as_long(found: Learning, probe_losses: np.ndarray) -> float:
    """How many times as long the training would have to be: the way to go against the way made.

    Args:
        found: the verdict's figures.
        probe_losses: losses on the probe samples over the training: no noise of batches in them.
    """
    probe_losses = probe_losses[np.isfinite(probe_losses)]
    first, last = (
        (found.initial, found.final)
        if len(probe_losses) < 2
        else (float(probe_losses[0]), float(probe_losses[-1]))
    )
    target = found.target if math.isfinite(found.target) else 0.5
    known = math.isfinite(found.constant)
    goal = found.constant * (1 - max(target, 0.1)) if known else 0.5 * first
    if first <= goal:
        return 1.0
    made = first - last
    return (first - goal) / made if made > 0 else math.inf


def on_its_way(found: Learning, probe_losses: np.ndarray, limits: Mapping[str, Limit]) -> bool:
    """Whether a training that seems to fail falls steadily and is only short.

    The loss on the probe samples falls from probe to probe, in the second half at least half as
    much as in the first, and the way made is not next to nothing.
    """
    probe_losses = probe_losses[np.isfinite(probe_losses)]
    if len(probe_losses) < 4 or times_as_long(found, probe_losses) > limits["patience"].value:
        return False
    middle = len(probe_losses) // 2
    before, after = (
        float(probe_losses[0] - probe_losses[middle]),
        float(probe_losses[middle] - probe_losses[-1]),
    )
    falls = float((np.diff(probe_losses) < 0).mean())
    return falls >= 0.75 and after >= limits["steady"].value * before > 0


def first_loss(losses: np.ndarray) -> float:
    """The loss at the start: of the first steps, before they have changed much."""
    return float(np.mean(losses[: max(1, min(3, len(losses) // 10))]))


def last_loss(losses: np.ndarray) -> float:
    """The loss at the end: of the last tenth of the steps, at least five."""
    return float(np.mean(losses[-max(5, len(losses) // 10) :]))


def pace_of(losses: np.ndarray, floor: float, least_steps: float) -> float:
    """The share of the way to `floor` that was still to go in the middle and is made at the end.

    0 where the difference is not larger than the noise of the steps; NaN of fewer than
    `least_steps` of them.
    """
    if len(losses) < least_steps or not np.isfinite(losses).all():
        return math.nan
    floor = floor if math.isfinite(floor) else min(0.0, float(losses.min()))
    fifth = max(len(losses) // 5, 3)
    at = len(losses) // 2
    middle, end = losses[max(at - fifth // 2, 0) : at + fifth - fifth // 2], losses[-fifth:]
    gone = float(middle.mean() - end.mean())
    noise = math.sqrt(middle.var() / len(middle) + end.var() / len(end))
    to_go = float(middle.mean()) - floor
    if gone < 2 * noise or to_go <= 0:
        return 0.0
    return min(gone / to_go, 1.0)


def _target(skill: float) -> float:
    return min(max(skill, 0.0), 0.98) if math.isfinite(skill) else 0.98
