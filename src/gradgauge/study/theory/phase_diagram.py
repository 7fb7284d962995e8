"""Order and chaos over sigma_w and sigma_b, the critical line between them, and the depth scale."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradgauge.errors import InvalidValue
from gradgauge.json import number
from gradgauge.spec.checks import positive, whole_number
from gradgauge.theory import Prediction, critical, predict

COLUMNS = 28
MOST_COLUMNS = 200
_LEAST_SIGMA_W = 0.1
_SIGMA_W, _SIGMA_B = 3.0, 1.5
_LINE_POINTS = 40


@dataclass(frozen=True)
class PhaseDiagram:
    """Predictions on a grid.

    Attributes:
        activation: its name.
        sigma_ws: columns.
        sigma_bs: rows.
        points: one row of predictions for every sigma_b.
        line: (sigma_w, sigma_b) of the critical networks, as far as they exist in the picture.
    """

    activation: str
    sigma_ws: tuple[float, ...]
    sigma_bs: tuple[float, ...]
    points: list[list[Prediction]]
    line: list[tuple[float, float]]

    def to_json(self) -> dict[str, Any]:
        """The grid as lists of rows; infinity as the string "inf"."""

        def grid(name: str) -> list[list[Any]]:
            return [[number(getattr(p, name)) for p in row] for row in self.points]

        return {
            "activation": self.activation,
            "sigma_w": list(self.sigma_ws),
            "sigma_b": list(self.sigma_bs),
            **{name: grid(name) for name in ("chi_grad", "xi_c", "phase")},
            "critical_line": [list(point) for point in self.line],
        }


def phase_diagram(
    activation: str,
    columns: int = COLUMNS,
    sigma_w: float | None = None,
    sigma_b: float | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> PhaseDiagram:
    """The diagram from small weights up to `sigma_w`, and from no biases up to `sigma_b`.

    Args:
        activation: its name.
        columns: points across; two thirds as many go up.
        sigma_w: the right end; None: 3, or half beyond the critical scale if that is larger.
        sigma_b: the upper end; None: 1.5.
        on_progress: told points done and points in all.

    Raises:
        UnknownName, InvalidValue: no such activation; an end or number that cannot be.

    References:
        Poole et al. (2016), figure 1; Schoenholz et al. (2017), section 3.
    """
    whole_number("points", columns, 2)
    if columns > MOST_COLUMNS:
        raise InvalidValue("points", columns, "at_most_least", most=MOST_COLUMNS)
    right, top = sigma_w or _right_end(activation), sigma_b or _SIGMA_B
    positive("sigma_w", right)
    positive("sigma_b", top)
    widths = np.linspace(min(_LEAST_SIGMA_W, right / 2), right, columns).tolist()
    heights = np.linspace(0.0, top, max(columns * 2 // 3, 2)).tolist()
    total, points = len(widths) * len(heights), []
    for b in heights:
        if on_progress:
            on_progress(len(points) * len(widths), total)
        points.append([predict(activation, w, b) for w in widths])
    line = _line(activation, top, right)
    if on_progress:
        on_progress(total, total)
    return PhaseDiagram(activation, tuple(widths), tuple(heights), points, line)


def _right_end(activation: str) -> float:
    point = critical(activation, 0.0)
    return _SIGMA_W if point.sigma_w2 is None else max(_SIGMA_W, 1.5 * math.sqrt(point.sigma_w2))


def _line(activation: str, top: float, right: float) -> list[tuple[float, float]]:
    found = []
    for b in np.linspace(0.0, top, _LINE_POINTS).tolist():
        point = critical(activation, b)
        if point.sigma_w2 is not None and math.sqrt(point.sigma_w2) <= right:
            found.append((math.sqrt(point.sigma_w2), b))
    return found
