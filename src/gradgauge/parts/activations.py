"""Activations: value, slope, largest slope, initialiser gain, paper, framework names.

Written in the Python array API, so that one definition serves NumPy, JAX and PyTorch.
Every formula is stable in float32: no overflow for any finite input, and a slope that
underflows only where the true slope does.

`init_gain` is the sigma_w that makes sigma_w^2 E[f'(z)^2] = 1 for z ~ N(0, 1): the weight
scale at which a unit-variance layer hands its gradient back unchanged in mean square
(He et al. 2015, eq. 14, for ReLU: sqrt(2)).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from array_api_compat import array_namespace

from gradgauge.errors import UnknownName
from gradgauge.parts._special import erf

Array = Any

_SELU_SCALE = 1.0507009873554805
_SELU_ALPHA = 1.6732632423543772
_LEAKY_SLOPE = 0.01


@dataclass(frozen=True)
class Activation:
    """A scalar function applied to every unit.

    Attributes:
        name: as written in a notation.
        f: value, elementwise on any array.
        slope: derivative, elementwise. At a kink: the one-sided slope that Keras and
            PyTorch use, 0 for ReLU at 0.
        max_slope: the largest abs f'.
        saturates: monotone and bounded on both sides, so that `saturated` has a meaning.
        init_gain: see the module's text.
        kinks: the points where the slope jumps.
        keras: its name for `keras.layers.Activation`, or how Keras spells it.
        pytorch: the module in `torch.nn`, or how PyTorch spells it.
        paper: where it comes from.
    """

    name: str
    f: Callable[[Array], Array]
    slope: Callable[[Array], Array]
    max_slope: float
    init_gain: float
    keras: str
    pytorch: str
    paper: str
    saturates: bool = False
    kinks: tuple[float, ...] = ()


def _where(condition: Array, yes: Array | float, no: Array | float, like: Array) -> Array:
    xp = array_namespace(like)
    return xp.where(condition, xp.asarray(yes, dtype=like.dtype), xp.asarray(no, dtype=like.dtype))


def _halves(z: Array) -> tuple[Array, Array]:
    """exp(-|z|) and 1 / (1 + exp(-|z|)): a logistic function's parts, neither overflowing."""
    xp = array_namespace(z)
    tail = xp.exp(-xp.abs(z))
    return tail, 1 / (1 + tail)


def _sigmoid(z: Array) -> Array:
    tail, half = _halves(z)
    return _where(z >= 0, half, tail * half, z)


def _sigmoid_slope(z: Array) -> Array:
    tail, half = _halves(z)
    return tail * half * half


def _tanh(z: Array) -> Array:
    return array_namespace(z).tanh(z)


def _tanh_slope(z: Array) -> Array:
    """1 - tanh^2, as 4 e^(-2|z|) / (1 + e^(-2|z|))^2 so that it does not round to 0 early."""
    return 4 * _sigmoid_slope(2 * z)


def _normal_pdf(z: Array) -> Array:
    return array_namespace(z).exp(-0.5 * z * z) * (1 / math.sqrt(2 * math.pi))


def _normal_cdf(z: Array) -> Array:
    return 0.5 * (1 + erf(z * math.sqrt(0.5)))


def _erf_slope(z: Array) -> Array:
    return array_namespace(z).exp(-z * z) * (2 / math.sqrt(math.pi))


def _arctan(z: Array) -> Array:
    return array_namespace(z).atan(z)


def _softsign(z: Array) -> Array:
    return z / (1 + array_namespace(z).abs(z))


def _softsign_slope(z: Array) -> Array:
    inverse = 1 / (1 + array_namespace(z).abs(z))
    return inverse * inverse


def _clip(z: Array, low: float, high: float) -> Array:
    return _where(z < low, low, _where(z > high, high, z, z), z)


def _inside(z: Array, low: float, high: float, slope: float = 1.0) -> Array:
    return _where((z > low) & (z < high), slope, 0.0, z)


def _relu(z: Array) -> Array:
    """max(z, 0), asked as z <= 0 so that NaN stays NaN."""
    return _where(z <= 0, 0.0, z, z)


def _relu_slope(z: Array) -> Array:
    return _where(z > 0, 1.0, 0.0, z)


def _leaky_relu(z: Array) -> Array:
    return _where(z <= 0, _LEAKY_SLOPE * z, z, z)


def _leaky_relu_slope(z: Array) -> Array:
    return _where(z > 0, 1.0, _LEAKY_SLOPE, z)


def _below(z: Array) -> Array:
    """min(z, 0): keeps exp from overflowing on the side where its value is not used."""
    return _where(z > 0, 0.0, z, z)


def _elu(z: Array) -> Array:
    return _where(z > 0, z, array_namespace(z).expm1(_below(z)), z)


def _elu_slope(z: Array) -> Array:
    return _where(z > 0, 1.0, array_namespace(z).exp(_below(z)), z)


def _selu(z: Array) -> Array:
    return _SELU_SCALE * _where(z > 0, z, _SELU_ALPHA * array_namespace(z).expm1(_below(z)), z)


def _selu_slope(z: Array) -> Array:
    return _SELU_SCALE * _where(z > 0, 1.0, _SELU_ALPHA * array_namespace(z).exp(_below(z)), z)


def _gelu(z: Array) -> Array:
    return z * _normal_cdf(z)


def _gelu_slope(z: Array) -> Array:
    return _normal_cdf(z) + z * _normal_pdf(z)


def _gelu_inner(z: Array) -> Array:
    return math.sqrt(2 / math.pi) * (z + 0.044715 * z * z * z)


def _gelu_tanh(z: Array) -> Array:
    return 0.5 * z * (1 + _tanh(_gelu_inner(z)))


def _gelu_tanh_slope(z: Array) -> Array:
    inner = _gelu_inner(z)
    inner_slope = math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * z * z)
    return 0.5 * (1 + _tanh(inner)) + 0.5 * z * _tanh_slope(inner) * inner_slope


def _silu(z: Array) -> Array:
    return z * _sigmoid(z)


def _silu_slope(z: Array) -> Array:
    return _sigmoid(z) + z * _sigmoid_slope(z)


def _softplus(z: Array) -> Array:
    xp = array_namespace(z)
    return _relu(z) + xp.log1p(xp.exp(-xp.abs(z)))


def _mish(z: Array) -> Array:
    return z * _tanh(_softplus(z))


def _mish_slope(z: Array) -> Array:
    softplus = _softplus(z)
    return _tanh(softplus) + z * _tanh_slope(softplus) * _sigmoid(z)


def _linear_slope(z: Array) -> Array:
    return array_namespace(z).ones_like(z)


ACTIVATIONS: dict[str, Activation] = {
    a.name: a
    for a in (
        Activation(
            "relu",
            _relu,
            _relu_slope,
            1.0,
            math.sqrt(2),
            "relu",
            "ReLU",
            "Nair & Hinton (2010)",
            kinks=(0.0,),
        ),
        Activation(
            "sigmoid",
            _sigmoid,
            _sigmoid_slope,
            0.25,
            4.722646085937973,
            "sigmoid",
            "Sigmoid",
            "Rumelhart, Hinton & Williams (1986)",
            saturates=True,
        ),
        Activation(
            "tanh",
            _tanh,
            _tanh_slope,
            1.0,
            1.467413591630795,
            "tanh",
            "Tanh",
            "LeCun et al. (1998), Efficient BackProp, section 4.4",
            saturates=True,
        ),
        Activation(
            "erf",
            erf,
            _erf_slope,
            2 / math.sqrt(math.pi),
            1.3252183528612111,
            "keras.ops.erf",
            "torch.erf",
            "Williams (1997)",
            saturates=True,
        ),
        Activation(
            "arctan",
            _arctan,
            lambda z: 1 / (1 + z * z),
            1.0,
            math.sqrt(2),
            "keras.ops.arctan",
            "torch.atan",
            "LeCun et al. (1998), Efficient BackProp, section 4.4",
            saturates=True,
        ),
        Activation(
            "softsign",
            _softsign,
            _softsign_slope,
            1.0,
            2.095780608943311,
            "softsign",
            "Softsign",
            "Bergstra et al. (2009); Glorot & Bengio (2010)",
            saturates=True,
        ),
        Activation(
            "hardtanh",
            lambda z: _clip(z, -1.0, 1.0),
            lambda z: _inside(z, -1.0, 1.0),
            1.0,
            1.2102870624325222,
            "hard_tanh",
            "Hardtanh",
            "Collobert (2004)",
            saturates=True,
            kinks=(-1.0, 1.0),
        ),
        Activation(
            "hard_sigmoid",
            lambda z: _clip(z / 6 + 0.5, 0.0, 1.0),
            lambda z: _inside(z, -3.0, 3.0, 1 / 6),
            1 / 6,
            6.008115825196681,
            "hard_sigmoid",
            "Hardsigmoid",
            "Courbariaux et al. (2015); Howard et al. (2019)",
            saturates=True,
            kinks=(-3.0, 3.0),
        ),
        Activation(
            "leaky_relu",
            _leaky_relu,
            _leaky_relu_slope,
            1.0,
            math.sqrt(2 / (1 + _LEAKY_SLOPE**2)),
            "keras.layers.LeakyReLU(negative_slope=0.01)",
            "LeakyReLU",
            "Maas, Hannun & Ng (2013)",
            kinks=(0.0,),
        ),
        Activation(
            "relu6",
            lambda z: _clip(z, 0.0, 6.0),
            lambda z: _inside(z, 0.0, 6.0),
            1.0,
            1.4142135637683406,
            "relu6",
            "ReLU6",
            "Krizhevsky (2010)",
            saturates=True,
            kinks=(0.0, 6.0),
        ),
        Activation(
            "elu",
            _elu,
            _elu_slope,
            1.0,
            1.223428557552621,
            "elu",
            "ELU",
            "Clevert, Unterthiner & Hochreiter (2016)",
        ),
        Activation(
            "selu",
            _selu,
            _selu_slope,
            _SELU_SCALE * _SELU_ALPHA,
            0.9660257769739011,
            "selu",
            "SELU",
            "Klambauer et al. (2017)",
            kinks=(0.0,),
        ),
        Activation(
            "gelu",
            _gelu,
            _gelu_slope,
            1.128904145185155,
            1.4811144127083482,
            "gelu",
            "GELU",
            "Hendrycks & Gimpel (2016)",
        ),
        Activation(
            "gelu_tanh",
            _gelu_tanh,
            _gelu_tanh_slope,
            1.1289930686587717,
            1.4811680580933506,
            "keras.activations.gelu(approximate=True)",
            "GELU(approximate='tanh')",
            "Hendrycks & Gimpel (2016)",
        ),
        Activation(
            "silu",
            _silu,
            _silu_slope,
            1.099839320128867,
            1.6233202579524972,
            "silu",
            "SiLU",
            "Elfwing, Uchibe & Doya (2018); Ramachandran et al. (2017)",
        ),
        Activation(
            "mish",
            _mish,
            _mish_slope,
            1.088498161251728,
            1.4447552325473194,
            "mish",
            "Mish",
            "Misra (2019)",
        ),
        Activation(
            "softplus",
            _softplus,
            _sigmoid,
            1.0,
            1.8462285453386054,
            "softplus",
            "Softplus",
            "Dugas et al. (2001)",
        ),
        Activation(
            "sin",
            lambda z: array_namespace(z).sin(z),
            lambda z: array_namespace(z).cos(z),
            1.0,
            1.327250600284575,
            "keras.ops.sin",
            "torch.sin",
            "Sitzmann et al. (2020)",
        ),
        Activation(
            "linear",
            lambda z: z,
            _linear_slope,
            1.0,
            1.0,
            "linear",
            "Identity",
            "Saxe, McClelland & Ganguli (2014)",
        ),
        Activation(
            "scaled_sigmoid",
            lambda z: 4 * _sigmoid(z) - 2,
            lambda z: 4 * _sigmoid_slope(z),
            1.0,
            1.1806615214844933,
            "4 * keras.ops.sigmoid(x) - 2",
            "4 * torch.sigmoid(x) - 2",
            "Xu, Huang & Li (2016)",
            saturates=True,
        ),
    )
}


def activation(name: str) -> Activation:
    """The activation called `name`.

    Raises:
        UnknownName: there is none.
    """
    try:
        return ACTIVATIONS[name]
    except KeyError:
        raise UnknownName("activation", name, ACTIVATIONS) from None
