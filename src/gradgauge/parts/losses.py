"""Losses: value per sample and gradient with respect to the network's last pre-activation.

`outputs` are the output layer's pre-activations, (B, K); `targets` one-hot rows for
classification, numbers for regression, (B, K).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from array_api_compat import array_namespace

from gradgauge.errors import UnknownName

Array = Any


@dataclass(frozen=True)
class Loss:
    """A loss on the output layer.

    Attributes:
        name: as the option spells it.
        per_sample: (outputs, targets) -> (B,).
        gradient: (outputs, targets) -> d per_sample / d outputs, (B, K).
        classification: whether targets are classes, so that accuracy has a meaning.
        output_activation: what a summary of the network shows at its end.
    """

    name: str
    per_sample: Callable[[Array, Array], Array]
    gradient: Callable[[Array, Array], Array]
    classification: bool
    output_activation: str


def _shifted(outputs: Array) -> Array:
    return outputs - array_namespace(outputs).max(outputs, axis=-1, keepdims=True)


def _cross_entropy(outputs: Array, targets: Array) -> Array:
    xp = array_namespace(outputs)
    shifted = _shifted(outputs)
    return xp.log(xp.sum(xp.exp(shifted), axis=-1)) - xp.sum(shifted * targets, axis=-1)


def _cross_entropy_gradient(outputs: Array, targets: Array) -> Array:
    xp = array_namespace(outputs)
    weights = xp.exp(_shifted(outputs))
    return weights / xp.sum(weights, axis=-1, keepdims=True) - targets


def _squared_error(outputs: Array, targets: Array) -> Array:
    error = outputs - targets
    return array_namespace(outputs).mean(error * error, axis=-1)


def _squared_error_gradient(outputs: Array, targets: Array) -> Array:
    return (outputs - targets) * (2 / outputs.shape[-1])


LOSSES: dict[str, Loss] = {
    loss.name: loss
    for loss in (
        Loss("cross_entropy", _cross_entropy, _cross_entropy_gradient, True, "softmax"),
        Loss("mse_one_hot", _squared_error, _squared_error_gradient, True, "linear"),
        Loss("mse", _squared_error, _squared_error_gradient, False, "linear"),
    )
}


def loss(name: str) -> Loss:
    """The loss called `name`.

    Raises:
        UnknownName: there is none.
    """
    try:
        return LOSSES[name]
    except KeyError:
        raise UnknownName("loss", name, LOSSES) from None


_LEAST_SHARE = 1e-7
"""Probabilities are clipped to this, as Keras clips them."""


def constant_loss(loss: str, y: np.ndarray) -> float:
    """Mean loss of the best prediction that does not look at its input; NaN where not known.

    Args:
        loss: `cross_entropy`, `mse_one_hot`, `mse`; also `binary` (cross-entropy of
            probabilities), `mae`, `huber` (threshold 1).
        y: classes, (samples, ...), for the first two; numbers, (samples, ...), for the rest.
    """
    if loss in ("cross_entropy", "mse_one_hot"):
        shares = np.bincount(y.reshape(-1)) / y.size
        if loss == "mse_one_hot":
            return float((shares * (1 - shares)).sum() / len(shares))
        shares = shares[shares > 0]
        return float(-(shares * np.log(shares)).sum())
    numbers = np.asarray(y, np.float64).reshape(len(y), -1)
    if loss == "mse":
        return float(numbers.var(axis=0).mean())
    if loss == "binary":
        share = np.clip(numbers.mean(axis=0), _LEAST_SHARE, 1 - _LEAST_SHARE)
        return float(-(share * np.log(share) + (1 - share) * np.log(1 - share)).mean())
    error = np.abs(numbers - np.median(numbers, axis=0))
    if loss == "mae":
        return float(error.mean())
    if loss == "huber":
        return float(np.where(error <= 1, 0.5 * error**2, error - 0.5).mean())
    return float("nan")
