"""Optimizers, each in a named convention, since Keras's and PyTorch's forms differ.

One step of one tensor: `update(gradient, weight, slots, step, rate, options)` gives the change
of the weight and the new slots. Plain arithmetic, so it runs in NumPy, JAX and PyTorch alike.

- Keras's Adam adds epsilon to the root of the uncorrected second moment, PyTorch's to the
  corrected one: where gradients are near epsilon, the two differ by orders of magnitude.
- Keras's momentum keeps rate times gradient, PyTorch's the gradient alone: the same while the
  rate is constant, different under a schedule.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from array_api_compat import array_namespace

from gradgauge.errors import UnknownName

Array = Any
Slots = tuple[Array, ...]


class Options(NamedTuple):
    """What a user may set besides the rate."""

    momentum: float
    weight_decay: float


@dataclass(frozen=True)
class Optimizer:
    """A rule that turns gradients into changes of weights.

    Attributes:
        name: as the option spells it.
        slots: how many arrays of the weight's shape it keeps, zero at first.
        update: (gradient, weight, slots, step, rate, options) -> (change, slots); `step` counts
            from 1, as a float in the weight's dtype.
        form: whose arithmetic it is.
    """

    name: str
    slots: int
    update: Callable[[Array, Array, Slots, Array, Array, Options], tuple[Array, Slots]]
    form: str


_BETA_1, _BETA_2 = 0.9, 0.999
_KERAS_EPSILON, _TORCH_EPSILON = 1e-7, 1e-8


def _sgd(gradient, weight, slots, step, rate, options):  # noqa: ARG001
    return -rate * gradient, slots


def _momentum_keras(gradient, weight, slots, step, rate, options):  # noqa: ARG001
    velocity = options.momentum * slots[0] - rate * gradient
    return velocity, (velocity,)


def _nesterov_keras(gradient, weight, slots, step, rate, options):  # noqa: ARG001
    velocity = options.momentum * slots[0] - rate * gradient
    return options.momentum * velocity - rate * gradient, (velocity,)


def _momentum_torch(gradient, weight, slots, step, rate, options):  # noqa: ARG001
    buffer = options.momentum * slots[0] + gradient
    return -rate * buffer, (buffer,)


def _nesterov_torch(gradient, weight, slots, step, rate, options):  # noqa: ARG001
    buffer = options.momentum * slots[0] + gradient
    return -rate * (gradient + options.momentum * buffer), (buffer,)


def _rmsprop_keras(gradient, weight, slots, step, rate, options):  # noqa: ARG001
    square = 0.9 * slots[0] + 0.1 * (gradient * gradient)
    return -rate * gradient / (square + _KERAS_EPSILON) ** 0.5, (square,)


def _rmsprop_torch(gradient, weight, slots, step, rate, options):  # noqa: ARG001
    square = 0.99 * slots[0] + 0.01 * (gradient * gradient)
    return -rate * gradient / (square**0.5 + _TORCH_EPSILON), (square,)


def _moments(gradient: Array, slots: Slots) -> tuple[Array, Array]:
    mean = slots[0] + (gradient - slots[0]) * (1 - _BETA_1)
    square = slots[1] + (gradient * gradient - slots[1]) * (1 - _BETA_2)
    return mean, square


def _adam_keras(gradient, weight, slots, step, rate, options):  # noqa: ARG001
    mean, square = _moments(gradient, slots)
    rate = rate * (1 - _BETA_2**step) ** 0.5 / (1 - _BETA_1**step)
    return -(mean * rate) / (square**0.5 + _KERAS_EPSILON), (mean, square)


def _adam_torch(gradient, weight, slots, step, rate, options):  # noqa: ARG001
    """PyTorch takes the bias corrections in float64; expm1 keeps them as exact in float32."""
    expm1 = array_namespace(gradient).expm1
    mean, square = _moments(gradient, slots)
    root = square**0.5 / (-expm1(step * math.log(_BETA_2))) ** 0.5
    rate = rate / -expm1(step * math.log(_BETA_1))
    return -(rate * mean) / (root + _TORCH_EPSILON), (mean, square)


def _decoupled(adam: Callable) -> Callable:
    """AdamW: decay the weight by rate times weight_decay, then take Adam's step."""

    def update(gradient, weight, slots, step, rate, options):
        change, slots = adam(gradient, weight, slots, step, rate, options)
        return change - rate * options.weight_decay * weight, slots

    return update


OPTIMIZERS: dict[str, Optimizer] = {
    o.name: o
    for o in (
        Optimizer("sgd", 0, _sgd, "Robbins & Monro (1951)"),
        Optimizer("momentum", 1, _momentum_keras, "Polyak (1964); Keras"),
        Optimizer("momentum_torch", 1, _momentum_torch, "Polyak (1964); PyTorch"),
        Optimizer("nesterov", 1, _nesterov_keras, "Sutskever et al. (2013); Keras"),
        Optimizer("nesterov_torch", 1, _nesterov_torch, "Sutskever et al. (2013); PyTorch"),
        Optimizer("rmsprop", 1, _rmsprop_keras, "Tieleman & Hinton (2012); Keras"),
        Optimizer("rmsprop_torch", 1, _rmsprop_torch, "Tieleman & Hinton (2012); PyTorch"),
        Optimizer("adam", 2, _adam_keras, "Kingma & Ba (2015), section 2; Keras"),
        Optimizer("adam_torch", 2, _adam_torch, "Kingma & Ba (2015); PyTorch"),
        Optimizer("adamw", 2, _decoupled(_adam_keras), "Loshchilov & Hutter (2019); Keras"),
        Optimizer(
            "adamw_torch",
            2,
            _decoupled(_adam_torch),
            "Loshchilov & Hutter (2019); PyTorch",
        ),
    )
}


def optimizer(name: str) -> Optimizer:
    """The optimizer called `name`.

    Raises:
        UnknownName: there is none.
    """
    try:
        return OPTIMIZERS[name]
    except KeyError:
        raise UnknownName("optimizer", name, OPTIMIZERS) from None
