"""Activations: value, slope, largest slope, initializer gain, paper, framework names.

Written in the Python array API, so that one definition serves NumPy, JAX and PyTorch.
The formulas themselves stand in `formulas.py`.

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
from gradgauge.parts import formulas

Array = Any


@dataclass(frozen=True)
class Activation:
    """A scalar function applied to every unit.

    Attributes:
        name: as written in a notation.
        f: value, elementwise on any array.
        slope: derivative, elementwise. At a kink: the one-sided slope that Keras and
            PyTorch use, 0 for ReLU at 0.
        max_slope: the largest abs f'.
        saturates: monotone and bounded on both sides, so that `saturated` is defined.
        init_gain: see the module docstring.
        kinks: the points where the slope jumps.
        keras: the name for `keras.layers.Activation`, or the Keras spelling.
        pytorch: the module in `torch.nn`, or the PyTorch spelling.
        paper: the paper that introduced it.
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


ACTIVATIONS: dict[str, Activation] = {
    a.name: a
    for a in (
        Activation(
            "relu",
            formulas.relu,
            formulas.relu_slope,
            1.0,
            math.sqrt(2),
            "relu",
            "ReLU",
            "Nair & Hinton (2010)",
            kinks=(0.0,),
        ),
        Activation(
            "sigmoid",
            formulas.sigmoid,
            formulas.sigmoid_slope,
            0.25,
            4.722646085937973,
            "sigmoid",
            "Sigmoid",
            "Rumelhart, Hinton & Williams (1986)",
            saturates=True,
        ),
        Activation(
            "tanh",
            formulas.tanh,
            formulas.tanh_slope,
            1.0,
            1.467413591630795,
            "tanh",
            "Tanh",
            "LeCun et al. (1998), Efficient BackProp, section 4.4",
            saturates=True,
        ),
        Activation(
            "erf",
            formulas.erf,
            formulas.erf_slope,
            2 / math.sqrt(math.pi),
            1.3252183528612111,
            "keras.ops.erf",
            "torch.erf",
            "Williams (1997)",
            saturates=True,
        ),
        Activation(
            "arctan",
            formulas.arctan,
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
            formulas.softsign,
            formulas.softsign_slope,
            1.0,
            2.095780608943311,
            "softsign",
            "Softsign",
            "Bergstra et al. (2009); Glorot & Bengio (2010)",
            saturates=True,
        ),
        Activation(
            "hardtanh",
            lambda z: formulas.clip(z, -1.0, 1.0),
            lambda z: formulas.inside(z, -1.0, 1.0),
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
            lambda z: formulas.clip(z / 6 + 0.5, 0.0, 1.0),
            lambda z: formulas.inside(z, -3.0, 3.0, 1 / 6),
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
            formulas.leaky_relu,
            formulas.leaky_relu_slope,
            1.0,
            math.sqrt(2 / (1 + formulas.LEAKY_SLOPE**2)),
            "keras.layers.LeakyReLU(negative_slope=0.01)",
            "LeakyReLU",
            "Maas, Hannun & Ng (2013)",
            kinks=(0.0,),
        ),
        Activation(
            "relu6",
            lambda z: formulas.clip(z, 0.0, 6.0),
            lambda z: formulas.inside(z, 0.0, 6.0),
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
            formulas.elu,
            formulas.elu_slope,
            1.0,
            1.223428557552621,
            "elu",
            "ELU",
            "Clevert, Unterthiner & Hochreiter (2016)",
        ),
        Activation(
            "selu",
            formulas.selu,
            formulas.selu_slope,
            formulas.SELU_SCALE * formulas.SELU_ALPHA,
            0.9660257769739011,
            "selu",
            "SELU",
            "Klambauer et al. (2017)",
            kinks=(0.0,),
        ),
        Activation(
            "gelu",
            formulas.gelu,
            formulas.gelu_slope,
            1.128904145185155,
            1.4811144127083482,
            "gelu",
            "GELU",
            "Hendrycks & Gimpel (2016)",
        ),
        Activation(
            "gelu_tanh",
            formulas.gelu_tanh,
            formulas.gelu_tanh_slope,
            1.1289930686587717,
            1.4811680580933506,
            "keras.activations.gelu(approximate=True)",
            "GELU(approximate='tanh')",
            "Hendrycks & Gimpel (2016)",
        ),
        Activation(
            "silu",
            formulas.silu,
            formulas.silu_slope,
            1.099839320128867,
            1.6233202579524972,
            "silu",
            "SiLU",
            "Elfwing, Uchibe & Doya (2018); Ramachandran et al. (2017)",
        ),
        Activation(
            "mish",
            formulas.mish,
            formulas.mish_slope,
            1.088498161251728,
            1.4447552325473194,
            "mish",
            "Mish",
            "Misra (2019)",
        ),
        Activation(
            "softplus",
            formulas.softplus,
            formulas.sigmoid,
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
            formulas.linear_slope,
            1.0,
            1.0,
            "linear",
            "Identity",
            "Saxe, McClelland & Ganguli (2014)",
        ),
        Activation(
            "scaled_sigmoid",
            lambda z: 4 * formulas.sigmoid(z) - 2,
            lambda z: 4 * formulas.sigmoid_slope(z),
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
