"""What a table says of the arms of `gradgauge why`: the same in the terminal and on the page."""

from __future__ import annotations

from gradgauge.messages.catalog import sentence
from gradgauge.report.words.numbers import number, resolved, signed_decades
from gradgauge.spec.notation import write
from gradgauge.study.why.prediction import predicted_chi_grad
from gradgauge.study.why.result import Why
from gradgauge.study.why.sentences import arm_name
from gradgauge.study.why.verdict import TrainedArm

COLUMNS = ("arm", "accuracy", "lost", "chi", "spread", "learned")


def title_of(why: Why, lang: str) -> str:
    """The network, and how it was trained."""
    return sentence(
        "why.table.title",
        lang,
        notation=write(why.network),
        epochs=why.training.epochs,
        seeds=len(why.training.seeds),
    )


def heads(lang: str) -> list[str]:
    """The columns' headings."""
    return [sentence(f"why.table.{column}", lang) for column in COLUMNS]


def row(why: Why, arm: TrainedArm, lang: str) -> list[str]:
    """One arm: its name, its accuracy, the decades lost before training, chi_grad predicted and
    measured, signal spread, the step at which it begins to learn."""
    summary, lost = arm.test_accuracy, arm.attenuation("first")
    half = "" if summary.interval is None else f"±{_short(summary.interval[1] - summary.mean)}"
    parts = f"{signed_decades(lost.slope_decades)} {signed_decades(lost.weight_decades)}"
    predicted = predicted_chi_grad(arm.arm, why.input_square)
    return [
        arm_name(arm.arm, lang),
        f"{_short(summary.mean)}{half}{'*' if arm.decided else ' '}",
        f"{signed_decades(lost.decades)} ({parts})",
        f"{number(predicted, 2)}, {number(arm.chi_grad_measured, 2)}",
        resolved(arm.last_spread("first"), arm.spread_resolution, 2),
        _begins(why, arm, lang),
    ]


def _short(value: float) -> str:
    """Three decimals without the zero in front: `.301`; 1 as it is."""
    return f"{value:.3f}".removeprefix("0")


def _begins(why: Why, arm: TrainedArm, lang: str) -> str:
    step = why.learned_at(arm)
    if step is None:
        return sentence("why.table.never", lang)
    return f"{step:.0f}" if step else sentence("why.table.at_once", lang)
