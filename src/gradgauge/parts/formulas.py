"""Values and slopes of the activations, elementwise, in the Python array API.

Every formula is stable in float32: no overflow for any finite input, and a slope that
underflows only where the true slope does.
"""

from __future__ import annotations

import math
from typing import Any

from array_api_compat import array_namespace

from gradgauge.parts._special import erf

Array = Any

SELU_SCALE = 1.0507009873554805
SELU_ALPHA = 1.6732632423543772
LEAKY_SLOPE = 0.01


def _where(condition: Array, yes: Array | float, no: Array | float, like: Array) -> Array:
    xp = array_namespace(like)
    return xp.where(condition, xp.asarray(yes, dtype=like.dtype), xp.asarray(no, dtype=like.dtype))


def halves(z: Array) -> tuple[Array, Array]:
    """exp(-|z|) and 1 / (1 + exp(-|z|)): a logistic function's parts, neither overflowing."""
    xp = array_namespace(z)
    tail = xp.exp(-xp.abs(z))
    return tail, 1 / (1 + tail)


def sigmoid(z: Array) -> Array:
    """1 / (1 + e^-z)."""
    tail, half = halves(z)
    return _where(z >= 0, half, tail * half, z)


def sigmoid_slope(z: Array) -> Array:
    """e^-z / (1 + e^-z)^2."""
    tail, half = halves(z)
    return tail * half * half


def tanh(z: Array) -> Array:
    """The hyperbolic tangent."""
    return array_namespace(z).tanh(z)


def tanh_slope(z: Array) -> Array:
    """1 - tanh^2, as 4 e^(-2|z|) / (1 + e^(-2|z|))^2 so that it does not round to 0 early."""
    return 4 * sigmoid_slope(2 * z)


def normal_pdf(z: Array) -> Array:
    """Density of the standard normal distribution."""
    return array_namespace(z).exp(-0.5 * z * z) * (1 / math.sqrt(2 * math.pi))


def normal_cdf(z: Array) -> Array:
    """Its distribution function, by erf."""
    return 0.5 * (1 + erf(z * math.sqrt(0.5)))


def erf_slope(z: Array) -> Array:
    """2 / sqrt(pi) e^(-z^2)."""
    return array_namespace(z).exp(-z * z) * (2 / math.sqrt(math.pi))


def arctan(z: Array) -> Array:
    """The inverse tangent."""
    return array_namespace(z).atan(z)


def softsign(z: Array) -> Array:
    """z / (1 + |z|)."""
    return z / (1 + array_namespace(z).abs(z))


def softsign_slope(z: Array) -> Array:
    """1 / (1 + |z|)^2."""
    inverse = 1 / (1 + array_namespace(z).abs(z))
    return inverse * inverse


def clip(z: Array, low: float, high: float) -> Array:
    """z, held between `low` and `high`."""
    return _where(z < low, low, _where(z > high, high, z, z), z)


def inside(z: Array, low: float, high: float, slope: float = 1.0) -> Array:
    """`slope` strictly between `low` and `high`, else 0: the slope of a clipped line."""
    return _where((z > low) & (z < high), slope, 0.0, z)


def relu(z: Array) -> Array:
    """max(z, 0), asked as z <= 0 so that NaN stays NaN."""
    return _where(z <= 0, 0.0, z, z)


def relu_slope(z: Array) -> Array:
    """1 above 0, else 0, at 0 too."""
    return _where(z > 0, 1.0, 0.0, z)


def leaky_relu(z: Array) -> Array:
    """z, times LEAKY_SLOPE below 0."""
    return _where(z <= 0, LEAKY_SLOPE * z, z, z)


def leaky_relu_slope(z: Array) -> Array:
    """1 above 0, else LEAKY_SLOPE."""
    return _where(z > 0, 1.0, LEAKY_SLOPE, z)


def below(z: Array) -> Array:
    """min(z, 0): keeps exp from overflowing on the side where its value is not used."""
    return _where(z > 0, 0.0, z, z)


def elu(z: Array) -> Array:
    """z above 0, else e^z - 1."""
    return _where(z > 0, z, array_namespace(z).expm1(below(z)), z)


def elu_slope(z: Array) -> Array:
    """1 above 0, else e^z."""
    return _where(z > 0, 1.0, array_namespace(z).exp(below(z)), z)


def selu(z: Array) -> Array:
    """SELU_SCALE times z above 0, else SELU_SCALE SELU_ALPHA (e^z - 1)."""
    return SELU_SCALE * _where(z > 0, z, SELU_ALPHA * array_namespace(z).expm1(below(z)), z)


def selu_slope(z: Array) -> Array:
    """SELU_SCALE above 0, else SELU_SCALE SELU_ALPHA e^z."""
    return SELU_SCALE * _where(z > 0, 1.0, SELU_ALPHA * array_namespace(z).exp(below(z)), z)


def gelu(z: Array) -> Array:
    """z times the normal distribution function of z."""
    return z * normal_cdf(z)


def gelu_slope(z: Array) -> Array:
    """The normal distribution function of z, plus z times its density."""
    return normal_cdf(z) + z * normal_pdf(z)


def gelu_inner(z: Array) -> Array:
    """What the approximate GELU takes the tanh of."""
    return math.sqrt(2 / math.pi) * (z + 0.044715 * z * z * z)


def gelu_tanh(z: Array) -> Array:
    """GELU with a tanh in place of erf."""
    return 0.5 * z * (1 + tanh(gelu_inner(z)))


def gelu_tanh_slope(z: Array) -> Array:
    """From 30 on it is 0 or 1 to the last bit, while the square of a huge z is infinite."""
    z = clip(z, -30.0, 30.0)
    inner = gelu_inner(z)
    inner_slope = math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * z * z)
    return 0.5 * (1 + tanh(inner)) + 0.5 * z * tanh_slope(inner) * inner_slope


def silu(z: Array) -> Array:
    """z sigmoid(z), also called swish."""
    return z * sigmoid(z)


def silu_slope(z: Array) -> Array:
    """sigmoid(z) + z sigmoid'(z)."""
    return sigmoid(z) + z * sigmoid_slope(z)


def softplus(z: Array) -> Array:
    """ln(1 + e^z)."""
    xp = array_namespace(z)
    return relu(z) + xp.log1p(xp.exp(-xp.abs(z)))


def mish(z: Array) -> Array:
    """z tanh(softplus(z))."""
    return z * tanh(softplus(z))


def mish_slope(z: Array) -> Array:
    """By product and chain rule."""
    inner = softplus(z)
    return tanh(inner) + z * tanh_slope(inner) * sigmoid(z)


def linear_slope(z: Array) -> Array:
    """1 everywhere."""
    return array_namespace(z).ones_like(z)
