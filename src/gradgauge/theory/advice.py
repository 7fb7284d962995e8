r"""Init advice: the scale, or the scale and a shift, that makes an activation critical.

A scale alone (weights of variance sigma_w^2 / fan_in, no biases) does it for ReLU, sigmoid,
tanh and their kin. Where it does not (softplus has no critical point at all; the lengths of
GELU, SiLU and Mish run away from theirs) the activation is shifted by its own mean at unit
variance, f(z) + shift, which always leaves a critical point there:

    shift = -E[f(z)],   sigma_w^2 = 1 / E[f'(z)^2],   sigma_b^2 = 1 - sigma_w^2 Var f(z),

z ~ N(0, 1): by Poincare's inequality Var f <= E[f'^2], so sigma_b^2 is never negative.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from gradgauge.parts.activations import activation as find_activation
from gradgauge.theory.activation_moments import moments
from gradgauge.theory.criticality import critical
from gradgauge.theory.gaussian import expectation


@dataclass(frozen=True)
class InitAdvice:
    """Initial weights, biases and shift that make a network of one activation critical.

    Attributes:
        activation: its name.
        kind: a key of the catalog's `theory.advice` table: "scale" or "scale_and_shift".
        sigma_w: W ~ N(0, sigma_w^2 / fan_in); Glorot's at equal widths is sigma_w = 1, so it is
            also the `scale` of a notation.
        sigma_b: b ~ N(0, sigma_b^2); 0 for a scale alone.
        shift: to be added to the activation; 0 for a scale alone.
        q_star: the length that is preserved; 0: the length decays to 0, more slowly than any
            exponential.
        chi_len: slope of the length map there, up to 1: the length is attracted.
        note: a key of `theory.reason`: what is special, or why a scale alone is not enough.
    """

    activation: str
    kind: str
    sigma_w: float
    sigma_b: float
    shift: float
    q_star: float
    chi_len: float
    note: str | None = None


def init_advice(activation: str) -> InitAdvice:
    r"""The scale that makes an activation critical; where none does, a scale and a shift.

    Args:
        activation: its name.

    Returns:
        See InitAdvice. sigmoid: sigma_w = 10.149; ReLU: sqrt(2); tanh: 1; softplus, GELU, SiLU
        and Mish: a scale and a shift.

    Raises:
        UnknownName: no such activation.

    References:
        Poole et al. (2016) for chi_1 = 1; He et al. (2015) for ReLU; the shift is ours, in the
        spirit of Martens et al. (2021), Rapid Training Without Shortcuts: Deep Kernel Shaping.
    """
    point = critical(activation, 0.0)
    if point.sigma_w2 is None or point.q_star is None or point.chi_len is None:
        return shift_advice(activation, point.note)
    sigma_w = math.sqrt(point.sigma_w2)
    return InitAdvice(
        activation, "scale", sigma_w, 0.0, 0.0, point.q_star, point.chi_len, point.note
    )


def shift_advice(activation: str, note: str | None = None) -> InitAdvice:
    r"""The shift, scale and biases described in the module docstring, for any activation.

        chi_len = sigma_w^2 E[z (f(z) + shift) f'(z)],  z ~ N(0, 1)

    Args:
        activation: its name.
        note: why a scale alone is not enough, if so.

    Returns:
        See InitAdvice; the fixed length is 1.

    Raises:
        UnknownName: no such activation.

    References:
        As `init_advice`.
    """
    part = find_activation(activation)
    form = moments(activation)
    mean = float(form.mean(1.0))
    sigma_w2 = 1 / float(form.slope_square(1.0))
    spread = float(form.square(1.0)) - mean**2
    lever = float(expectation(lambda z: z * form.slope(z), 1.0, form.kinks))
    chi_len = sigma_w2 * (float(form.square_growth(1.0)) - mean * lever)
    return InitAdvice(
        part.name,
        "scale_and_shift",
        math.sqrt(sigma_w2),
        math.sqrt(max(1 - sigma_w2 * spread, 0.0)),
        -mean,
        1.0,
        chi_len,
        note,
    )
