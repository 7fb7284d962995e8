"""An activation's mean-field figures, its critical point, and what normalization does to them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gradgauge.report.terminal.theory.page import DIGITS, Page, as_sentence
from gradgauge.report.words.numbers import number
from gradgauge.theory import CriticalPoint, Prediction

if TYPE_CHECKING:
    from gradgauge.study.theory.measurement import Measurement

_FIGURES = ("q_star", "chi_grad", "chi_len", "c_star", "xi_q", "xi_c", "trainable_depth")
_AFTER = 10
"""Layers for which the gradient's course is said."""


def print_prediction(prediction: Prediction, lang: str) -> None:
    """Every figure, every missing one with its reason, and what follows."""
    page = Page(lang)
    page.heading(_title(page, prediction))
    page.values(
        [page.quantity(name), number(getattr(prediction, name), DIGITS)] for name in _FIGURES
    )
    page.notes(prediction.reasons)
    page.lines(*_follows(page, prediction))


def print_measured_prediction(
    prediction: Prediction, measurement: Measurement, paths: Sequence[Path], lang: str
) -> None:
    """The prediction beside its measurement, and the rule by which they agree."""
    page = Page(lang)
    page.heading(_title(page, prediction))
    page.measured(measurement)
    page.lines(*_follows(page, prediction))
    page.size(measurement)
    page.files(paths)


def print_critical(point: CriticalPoint, lang: str) -> None:
    """The critical scale, or why there is none."""
    page = Page(lang)
    sigma_b = number(point.sigma_b)
    page.heading(
        page.say("theory_command.title.critical", activation=point.activation, sigma_b=sigma_b)
    )
    if point.sigma_w2 is not None:
        figures = {
            "sigma_w2_critical": point.sigma_w2,
            "sigma_w": math.sqrt(point.sigma_w2),
            "q_star": point.q_star,
        }
        page.values([page.quantity(name), number(x, DIGITS)] for name, x in figures.items())
    page.lines(page.reason_line(point.note))


def print_growth(
    activation: str, batch: float, growth: float, measurement: Measurement | None, lang: str
) -> None:
    """What batch normalization does to the gradient."""
    page = Page(lang)
    size = number(batch, DIGITS) if math.isinf(batch) else int(batch)
    page.heading(page.say("theory_command.title.batch_norm", activation=activation, batch=size))
    if measurement:
        page.measured(measurement)
    else:
        page.values([[page.quantity("growth_mean_square"), number(growth, DIGITS)]])
    page.lines(_course(page, growth))
    if measurement:
        page.size(measurement)


def _follows(page: Page, prediction: Prediction) -> list[str]:
    """One sentence each: the phase, the gradient after ten layers, how deep one can go."""
    phase = as_sentence(page.say(f"theory.phase.{prediction.phase}"))
    return [phase, _course(page, prediction.chi_grad), _depth(page, prediction)]


def _depth(page: Page, prediction: Prediction) -> str:
    depth = prediction.trainable_depth
    if depth is None:
        reason = page.reason(prediction.reasons.get("trainable_depth"))
        return page.say("theory_command.follows.depth_none", reason=reason)
    if math.isinf(depth):
        return page.say("theory_command.follows.depth_any")
    return page.say("theory_command.follows.depth", depth=f"{depth:.0f}")


def _course(page: Page, growth: float) -> str:
    """What a factor of the mean square per layer makes of the norm in ten layers."""
    if math.isinf(growth):
        return page.say("theory_command.follows.grows", layers=_AFTER, factor="inf")
    if abs(growth - 1) < 1e-6:
        return page.say("theory_command.follows.keeps")
    factor = number(growth ** (_AFTER / 2), 3)
    key = "shrinks" if growth < 1 else "grows"
    return page.say(f"theory_command.follows.{key}", layers=_AFTER, factor=factor)


def _title(page: Page, prediction: Prediction) -> str:
    sigmas = {"sigma_w": f"{prediction.sigma_w:g}", "sigma_b": f"{prediction.sigma_b:g}"}
    return page.say("theory_command.title.activation", activation=prediction.activation, **sigmas)
