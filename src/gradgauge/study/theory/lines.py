"""Where mean-field theory draws a line through a study: 6 xi_c, and the critical line.

Both are about wide networks without normalization and skips, of one activation, with centered
weights. sigma_w is the initializer's own, times `scale`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gradgauge.parts.initializers import INITIALIZERS
from gradgauge.spec.comparison import WIDTH
from gradgauge.study.sweep.grid import Value
from gradgauge.theory import critical, predict
from gradgauge.theory.network import NOT_CENTERED

DECIDING = ("notation", "activation", "init", "scale", "bias_std", "norm", "skip", "width")
"""Fields that the lines depend on."""

_POINTS = 121
_CURVE_POINTS = 25
_BEYOND = 2.0
_NEAR = 24
_NO_LINE = (*NOT_CENTERED, "zeros", "pytorch")
"""Initializers without a critical line: no weights at all, and PyTorch's, which draws the biases
itself, whatever `bias_std` says."""


@dataclass(frozen=True)
class TheoryLine:
    """A line on a chart.

    Attributes:
        name: `trainable` (6 xi_c) or `critical`.
        points: (x, y); y is None for a line straight up.
    """

    name: str
    points: list[tuple[float, float | None]]


def theory_lines(
    values: Mapping[str, Value], x: str, y: str | None, ranges: Mapping[str, tuple[float, float]]
) -> list[TheoryLine]:
    """The lines that cross a chart.

    Args:
        values: the fields that are the same all over it.
        x, y: its axes; y is None where it is not a field.
        ranges: least and largest value of the axes that are numbers.
    """
    if not _applies(values) or not {x, y} & {"scale", "bias_std"}:
        return []
    unit = _unit_sigma(values)
    if {x, y} == {"scale", "bias_std"}:
        return _critical_curve(values, x, unit, ranges)
    other = "scale" if "scale" in (x, y) else "bias_std"
    lines = []
    if "depth" in (x, y):
        lines += _trainable(values, x, other, unit, ranges)
    if other == "scale":
        lines += _critical_rule(values, x, unit, ranges)
    return lines


def _applies(values: Mapping[str, Value]) -> bool:
    init = str(values.get("init", "glorot_uniform"))
    return (
        "activation" in values
        and values.get("norm", "none") == "none"
        and values.get("skip", 0) == 0
        and init not in _NO_LINE
    )


def _unit_sigma(values: Mapping[str, Value]) -> float:
    """sigma_w of a hidden layer at scale 1."""
    width = int(values.get("width", WIDTH))
    init = INITIALIZERS[str(values.get("init", "glorot_uniform"))]
    return math.sqrt(width * init.variance(width, width))


def _trainable(
    values: Mapping[str, Value],
    x: str,
    other: str,
    unit: float,
    ranges: Mapping[str, tuple[float, float]],
) -> list[TheoryLine]:
    """6 xi_c over the scale or the biases; where it is infinite, beyond the chart."""
    activation, scale = str(values["activation"]), float(values.get("scale", 1.0))
    bias = float(values.get("bias_std", 0.0))
    highest = _BEYOND * ranges["depth"][1]
    points: list[tuple[float, float | None]] = []
    for at in _places(activation, other, unit, bias, ranges[other]):
        sigma_w, sigma_b = (at * unit, bias) if other == "scale" else (scale * unit, at)
        depth = predict(activation, sigma_w, sigma_b).trainable_depth
        if depth is None:
            continue
        shown = min(depth, highest)
        points.append((shown, at) if x == "depth" else (at, shown))
    depths = [point[0 if x == "depth" else 1] or 0.0 for point in points]
    # All beyond: every depth of the chart is trainable, and there is nothing to see.
    return [TheoryLine("trainable", points)] if min(depths, default=highest) < highest / 2 else []


def _places(
    activation: str, other: str, unit: float, bias: float, span: tuple[float, float]
) -> list[float]:
    """Evenly over the axis, and closer together towards the critical point."""
    places = set(np.linspace(*span, _POINTS).tolist())
    center = critical(activation, bias).sigma_w2 if other == "scale" else None
    if center:
        middle = math.sqrt(center) / unit
        for side in (-1, 1):
            near = middle * (1 + side * np.geomspace(1e-3, 0.2, _NEAR))
            places |= {float(p) for p in near if span[0] <= p <= span[1]}
    return sorted(place for place in places if place > 0 or other == "bias_std")


def _critical_rule(
    values: Mapping[str, Value], x: str, unit: float, ranges: Mapping[str, tuple[float, float]]
) -> list[TheoryLine]:
    """The critical scale, straight across the other axis."""
    point = critical(str(values["activation"]), float(values.get("bias_std", 0.0)))
    low, high = ranges["scale"]
    if point.sigma_w2 is None or not low <= math.sqrt(point.sigma_w2) / unit <= high:
        return []
    scale = math.sqrt(point.sigma_w2) / unit
    if x == "scale":
        return [TheoryLine("critical", [(scale, None)])]
    return [TheoryLine("critical", [(end, scale) for end in ranges.get(x, ())])]


def _critical_curve(
    values: Mapping[str, Value], x: str, unit: float, ranges: Mapping[str, tuple[float, float]]
) -> list[TheoryLine]:
    """The critical scale of every bias."""
    low, high = ranges["scale"]
    points: list[tuple[float, float | None]] = []
    for bias in np.linspace(*ranges["bias_std"], _CURVE_POINTS).tolist():
        sigma_w2 = critical(str(values["activation"]), bias).sigma_w2
        if sigma_w2 is None or not low <= math.sqrt(sigma_w2) / unit <= high:
            continue
        scale = math.sqrt(sigma_w2) / unit
        points.append((scale, bias) if x == "scale" else (bias, scale))
    return [TheoryLine("critical", points)] if len(points) > 1 else []
