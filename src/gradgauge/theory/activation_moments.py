"""The Gaussian moments of an activation: in closed form where there is one, else quadrature.

Everything else in `theory` reads an activation through this one door.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import numpy as np

from gradgauge.parts.activations import ACTIVATIONS, Activation, activation
from gradgauge.theory._panels import NODES, PAIR_NODES, Array
from gradgauge.theory.closed_forms import CLOSED_FORMS, Gap, Moment
from gradgauge.theory.gaussian import Function, expectation, pair_expectation, scale_of

if TYPE_CHECKING:
    from jaxtyping import Float64

_SMALLEST_WITH_OFFSET = 1e-10
"""Where f(0) is not 0, E[u f f'] is a difference of nearly equal halves: below this q the
rounding would outgrow the figure, and the limit differs from it by less than 1e-10."""

_WITHOUT_CANCELLATION: dict[str, Function] = {"scaled_sigmoid": lambda u: 2 * np.tanh(u / 2)}
"""4 sigmoid(u) - 2, which in double precision has few digits left near u = 0."""


@dataclass(frozen=True)
class Moments:
    """Moments of f(u), u ~ N(0, q), as functions of q (an array, or for pairs a number).

    Attributes:
        name: the activation's.
        f, slope: the activation and its derivative, elementwise.
        mean: E[f(u)].
        mean_slope: E[f'(u)].
        square: V(q) = E[f(u)^2]; at q = 0 the limit.
        slope_square: E[f'(u)^2]; at q = 0 the limit, the mean of both one-sided slopes squared.
        slope_fourth: E[f'(u)^4].
        square_growth: dV/dq = E[u f(u) f'(u)] / q, by Stein's lemma without f''.
        half_gap: E[(f(u1) - f(u2))^2] / 2 at variance q and decorrelation eps = 1 - c; it is
            E[f^2] - E[f(u1) f(u2)] without the cancellation.
        slope_half_gap: the same of f'.
        homogeneity: V(q) / q where f(a u) = a f(u) for every a > 0, else None.
        kinks: where f or a derivative of it jumps, 0 included.
    """

    name: str
    f: Function
    slope: Function
    mean: Moment
    mean_slope: Moment
    square: Moment
    slope_square: Moment
    slope_fourth: Moment
    square_growth: Moment
    half_gap: Gap
    slope_half_gap: Gap
    homogeneity: float | None
    kinks: tuple[float, ...]

    @functools.cached_property
    def square_at_infinity(self) -> float:
        """The limit of V(q) / q for q -> inf: 0 for a bounded activation."""
        far = 1e30
        return float(self.square(far)) / far


def quadrature_moments(part: Activation, points: int = NODES) -> Moments:
    """The moments of `part` by quadrature alone, also where a closed form exists.

    Args:
        part: any activation; bends at 0 that its `kinks` do not list are allowed for.
        points: nodes on a panel.
    """
    kinks = tuple(sorted({0.0, *part.kinks}))
    f: Function = _WITHOUT_CANCELLATION.get(part.name, part.f)
    slope: Function = part.slope

    def one(g: Function) -> Moment:
        return lambda q: expectation(g, q, kinks, points)

    def gap(g: Function) -> Gap:
        def half_square(
            a: Float64[Array, "*nodes"], b: Float64[Array, "*nodes"]
        ) -> Float64[Array, "*nodes"]:
            return 0.5 * (g(a) - g(b)) ** 2

        return lambda q, eps: pair_expectation(
            half_square, q, eps, kinks, points - NODES + PAIR_NODES
        )

    smallest = _SMALLEST_WITH_OFFSET if _value_at_zero(part) != 0 else 0.0

    def square_growth(q: float | Float64[Array, "*lengths"]) -> Float64[Array, "*lengths"]:
        q = np.maximum(q, smallest)
        return expectation(lambda u: u * f(u) * slope(u), q, kinks, points) / scale_of(q) ** 2

    return Moments(
        name=part.name,
        f=f,
        slope=slope,
        mean=one(f),
        mean_slope=one(slope),
        square=one(lambda u: f(u) ** 2),
        slope_square=one(lambda u: slope(u) ** 2),
        slope_fourth=one(lambda u: slope(u) ** 4),
        square_growth=square_growth,
        half_gap=gap(f),
        slope_half_gap=gap(slope),
        homogeneity=None,
        kinks=kinks,
    )


@functools.cache
def moments(name: str) -> Moments:
    """The moments of the activation called `name`.

    Raises:
        UnknownName: there is no such activation.
    """
    numeric = quadrature_moments(activation(name))
    known = CLOSED_FORMS.get(name)
    if known is None:
        return numeric
    exact = {field.name: getattr(known, field.name) for field in fields(known)}
    return replace(numeric, **{key: form for key, form in exact.items() if form is not None})


def output_at_zero(name: str) -> float:
    """f(0): where it is not 0, even a signal of no variance has a length."""
    return _value_at_zero(ACTIVATIONS[name])


def _value_at_zero(part: Activation) -> float:
    return float(part.f(np.zeros(1))[0])
