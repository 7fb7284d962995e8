r"""What batch and layer normalization do to the gradient at initialization.

Batch normalization of wide layers, W -> norm -> f: over a batch of B the normalized
pre-activations of one unit are a uniformly random point of the sphere of radius sqrt(B) in the
space orthogonal to (1, ..., 1), whatever the inputs were. Every average of the forward and the
backward pass is then an integral over two of its coordinates, of correlation -1 / (B - 1).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from gradgauge.spec.checks import not_negative, whole_number
from gradgauge.theory._panels import HALF_DENSITY_BREAKS, NODES, Array, Floats, fill
from gradgauge.theory.activation_moments import Moments, moments

if TYPE_CHECKING:
    from jaxtyping import Float64, Int

PairFunction = Callable[[Floats, Floats], Floats]

_CROWDED = np.array([0.0, *(sign * 8.0**-k for k in range(1, 6) for sign in (1, -1))])

SMALLEST_BATCH = 4
"""With three samples or fewer the mean square of the gradient is infinite."""


def batch_norm_growth(activation: str, batch: float = math.inf) -> float:
    r"""Growth of the gradient's mean square per layer of W -> batch norm -> f, at infinite width.

        B -> inf:  E[f'(u)^2] / Var f(u),   u ~ N(0, 1)      (at least 1, by Poincare)
        finite B:  B T / ((B - 1) (B - 3) E[(f1 - f2)^2] / 2)
        T = (B - 2) E[v1^2] - E[v1^2 z1^2]
            + (E[v1^2] + (B - 1) E[v1 v2] + E[v1^2 z1^2] + (B - 1) E[v1 z1 v2 z2]) / B

    with f1 = f(z1), v1 = f'(z1), and z1, z2 two coordinates of the sphere (see the module). For
    the identity it is (B - 2) / (B - 3), for ReLU and B -> inf it is pi / (pi - 1). sigma_w and
    sigma_b have no effect, because the normalization removes them.

    Args:
        activation: its name.
        batch: number of samples, at least 4, or inf.

    Returns:
        The factor per layer; its square root is the factor of the norm.

    Raises:
        UnknownName: no such activation.
        InvalidValue: batch below 4 or not whole.

    References:
        Yang et al. (2019), A Mean Field Theory of Batch Normalization: the linear and the ReLU
        case; the form for any f and finite B is derived in docs/theory.md.
    """
    form = moments(activation)
    if batch == math.inf:
        spread = float(form.square(1.0)) - float(form.mean(1.0)) ** 2
        return float(form.slope_square(1.0)) / spread
    whole_number("batch", batch, SMALLEST_BATCH)
    return _finite_growth(form, int(batch))


def layer_norm_growth(activation: str, sigma_w: float = 1.0, sigma_b: float = 0.0) -> float:
    r"""Growth of the gradient's mean square per layer of W -> layer norm -> f, at infinite width.

        sigma_w^2 E[f'(u)^2] / (sigma_w^2 E[f(u)^2] + sigma_b^2),   u ~ N(0, 1)

    Over many units the mean of z is 0 and its variance q, so the layer divides by sqrt(q): the
    length is 1 in every layer, and without biases sigma_w has no effect.

    Args:
        activation: its name.
        sigma_w: W ~ N(0, sigma_w^2 / fan_in).
        sigma_b: b ~ N(0, sigma_b^2).

    Returns:
        The factor per layer; 0 if sigma_w is 0.

    Raises:
        UnknownName: no such activation.
        InvalidValue: a sigma negative or not finite.

    References:
        Ba, Kiros & Hinton (2016) for the layer; the mean-field form is ours (docs/theory.md).
    """
    form = moments(activation)
    not_negative("sigma_w", sigma_w)
    not_negative("sigma_b", sigma_b)
    if sigma_w == 0:
        return 0.0
    bias = (sigma_b / sigma_w) ** 2
    return float(form.slope_square(1.0)) / (float(form.square(1.0)) + bias)


def _finite_growth(form: Moments, batch: int) -> float:
    f, slope = form.f, form.slope
    rule = _sphere_rule(batch, form.kinks)

    def mean(g: PairFunction) -> float:
        z1, z2, weights = rule
        return float(np.sum(g(z1, z2) * weights))

    v_square = mean(lambda a, b: (slope(a) ** 2 + slope(b) ** 2) / 2)
    v_pair = mean(lambda a, b: slope(a) * slope(b))
    vz_square = mean(lambda a, b: ((slope(a) * a) ** 2 + (slope(b) * b) ** 2) / 2)
    vz_pair = mean(lambda a, b: slope(a) * a * slope(b) * b)
    spread = mean(lambda a, b: (f(a) - f(b)) ** 2 / 2)
    pairs = v_square + vz_square + (batch - 1) * (v_pair + vz_pair)
    trace = (batch - 2) * v_square - vz_square + pairs / batch
    return batch * trace / ((batch - 1) * (batch - 3) * spread)


def _sphere_rule(
    batch: int, kinks: tuple[float, ...]
) -> tuple[
    Float64[Array, "panels nodes"], Float64[Array, "panels nodes"], Float64[Array, "panels nodes"]
]:
    """Values of (z1, z2) and weights that sum to 1.

    In polar coordinates z1 = radius cos(theta), z2 = radius cos(theta - beta), with
    cos(beta) = -1 / (B - 1) and radius = sqrt(B - 1) sin(chi), theta is uniform and chi has
    the density sin(chi) cos(chi)^(B - 4). Panels end where z1 or z2 meets a kink.
    """
    beta = math.acos(-1 / (batch - 1))
    largest = math.sqrt(batch - 1)
    theta, theta_weights = _angles(beta, largest, kinks)
    first, second = np.cos(theta), np.cos(theta - beta)
    row, chi, chi_weights = _radii(batch, largest, kinks, first, second)
    log_cos = np.log(np.maximum(np.cos(chi), 1e-300))
    weights = chi_weights * np.sin(chi) * np.exp((batch - 4) * log_cos)
    weights = weights * theta_weights[row][:, None]
    radius = largest * np.sin(chi)
    return radius * first[row][:, None], radius * second[row][:, None], weights / weights.sum()


def _angles(
    beta: float, largest: float, kinks: tuple[float, ...]
) -> tuple[Float64[Array, " angles"], Float64[Array, " angles"]]:
    """Nodes and weights in theta.

    Panels end where both coordinates meet a kink at one radius, and crowd towards the angles
    at which a kink leaves the sphere, where the integral behaves like a root.
    """
    meets = np.arccos(np.array([k / largest for k in kinks if abs(k) < largest] or [0.0]))
    meets = (meets[:, None] + _CROWDED[None, :]).ravel()
    both = beta / 2 + np.arange(4) * math.pi / 2
    eighths = np.arange(8) * math.pi / 4
    turn = np.concatenate([meets, -meets, beta + meets, beta - meets, both, eighths])
    breaks = np.unique(np.append(np.mod(turn, 2 * math.pi), [0.0, 2 * math.pi]))
    nodes, weights = fill(breaks[:-1], np.diff(breaks), NODES)
    return nodes.ravel(), weights.ravel()


def _radii(
    batch: int,
    largest: float,
    kinks: tuple[float, ...],
    first: Float64[Array, " angles"],
    second: Float64[Array, " angles"],
) -> tuple[Int[Array, " panels"], Float64[Array, "panels nodes"], Float64[Array, "panels nodes"]]:
    """For every theta the panels in chi that are not empty, as in `gaussian`."""
    end = math.pi / 2
    fixed = np.minimum(np.array(HALF_DENSITY_BREAKS) / math.sqrt(max(batch - 3, 1)), end)
    columns = [np.broadcast_to(np.append(fixed, end), (first.size, fixed.size + 1))]
    for kink in kinks:
        for direction in (first, second):
            reach = largest * direction
            ratio = np.divide(
                kink, reach, out=np.zeros_like(reach), where=np.abs(reach) > abs(kink)
            )
            columns.append(np.arcsin(np.clip(ratio, 0.0, 1.0))[:, None])
    breaks = np.sort(np.concatenate(columns, axis=1), axis=1)
    widths = np.diff(breaks, axis=1)
    row, column = np.nonzero(widths > 0)
    nodes, weights = fill(breaks[row, column], widths[row, column], NODES)
    return row, nodes, weights
