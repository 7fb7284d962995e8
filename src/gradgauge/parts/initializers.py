"""Initial weights: one entry an initializer, drawn by NumPy, each with its variance and paper.

Weights are (fan_in, fan_out), as z = h W + b wants them. The normal ones are plain normals,
not truncated ones: the mean-field theory beside them assumes it, and the variance is the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gradgauge.errors import UnknownName

Draw = Callable[[np.random.Generator, int, int], np.ndarray]
_FIXED_SPREAD = 0.05


@dataclass(frozen=True)
class Initializer:
    """A distribution of initial weights.

    Attributes:
        name: as written in a notation.
        draw: (rng, fan_in, fan_out) -> weights, (fan_in, fan_out) in float64.
        variance: (fan_in, fan_out) -> mean square of a weight.
        paper: where it comes from.
        bias_limit: fan_in -> biases are uniform within this, 0 for none.
    """

    name: str
    draw: Draw
    variance: Callable[[int, int], float]
    paper: str
    bias_limit: Callable[[int], float] = lambda fan_in: 0.0  # noqa: ARG005


def _normal(variance: Callable[[int, int], float]) -> Draw:
    return lambda rng, m, n: rng.normal(0.0, math.sqrt(variance(m, n)), (m, n))


def _uniform(variance: Callable[[int, int], float]) -> Draw:
    def draw(rng: np.random.Generator, m: int, n: int) -> np.ndarray:
        limit = math.sqrt(3 * variance(m, n))
        return rng.uniform(-limit, limit, (m, n))

    return draw


def _orthogonal(rng: np.random.Generator, m: int, n: int) -> np.ndarray:
    """Orthonormal rows or columns, whichever are fewer, uniform over all such matrices."""
    q, r = np.linalg.qr(rng.normal(size=(max(m, n), min(m, n))))
    q = q * np.sign(np.diag(r))
    return q if m >= n else q.T


def _glorot(m: int, n: int) -> float:
    return 2 / (m + n)


def _he(m: int, n: int) -> float:  # noqa: ARG001
    return 2 / m


def _lecun(m: int, n: int) -> float:  # noqa: ARG001
    return 1 / m


def _pytorch(m: int, n: int) -> float:  # noqa: ARG001
    return 1 / (3 * m)


_GLOROT = "Glorot & Bengio (2010), eq. 16"
_HE = "He et al. (2015), eq. 10"
_LECUN = "LeCun et al. (1998), Efficient BackProp, eq. 16"
_KERAS = "Keras's RandomNormal and RandomUniform: 0.05, whatever the fan-in"

INITIALIZERS: dict[str, Initializer] = {
    i.name: i
    for i in (
        Initializer("glorot_uniform", _uniform(_glorot), _glorot, _GLOROT),
        Initializer("glorot_normal", _normal(_glorot), _glorot, _GLOROT),
        Initializer("he_uniform", _uniform(_he), _he, _HE),
        Initializer("he_normal", _normal(_he), _he, _HE),
        Initializer("lecun_normal", _normal(_lecun), _lecun, _LECUN),
        Initializer(
            "orthogonal",
            _orthogonal,
            lambda m, n: 1 / max(m, n),
            "Saxe, McClelland & Ganguli (2014), section 3",
        ),
        Initializer(
            "normal",
            _normal(lambda m, n: _FIXED_SPREAD**2),  # noqa: ARG005
            lambda m, n: _FIXED_SPREAD**2,  # noqa: ARG005
            _KERAS,
        ),
        Initializer(
            "uniform",
            _uniform(lambda m, n: _FIXED_SPREAD**2 / 3),  # noqa: ARG005
            lambda m, n: _FIXED_SPREAD**2 / 3,  # noqa: ARG005
            _KERAS,
        ),
        Initializer(
            "zeros",
            lambda rng, m, n: np.zeros((m, n)),  # noqa: ARG005
            lambda m, n: 0.0,  # noqa: ARG005
            "the textbook mistake: every unit stays equal",
        ),
        Initializer(
            "constant",
            lambda rng, m, n: np.full((m, n), _FIXED_SPREAD),  # noqa: ARG005
            lambda m, n: _FIXED_SPREAD**2,  # noqa: ARG005
            "the textbook mistake: every unit stays equal",
        ),
        Initializer(
            "pytorch",
            _uniform(_pytorch),
            _pytorch,
            "torch.nn.Linear.reset_parameters: uniform within 1 / sqrt(fan_in), biases too",
            bias_limit=lambda fan_in: 1 / math.sqrt(fan_in),
        ),
    )
}


def initializer(name: str) -> Initializer:
    """The initializer called `name`.

    Raises:
        UnknownName: there is none.
    """
    try:
        return INITIALIZERS[name]
    except KeyError:
        raise UnknownName("init", name, INITIALIZERS) from None
