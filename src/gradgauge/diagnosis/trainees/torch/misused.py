"""What a PyTorch loss does with outputs that no values excuse: scores from other places, class
numbers taken for amounts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from gradgauge.diagnosis.properties.experiment import LossCall
from gradgauge.diagnosis.trainees.torch.facts import array

_FEWEST = 3
"""Classes from which on a number of a class is no amount: 0 and 1 may be both."""
_ROUNDING = 1e-4
"""Relative; a thousand times that of float32."""
_DIFFERENCES = {
    *("sub", "subtract", "rsub", "__sub__", "__rsub__"),
    *("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"),
}


def of_classes(
    name: str, given: torch.Tensor, target: torch.Tensor, outputs: Sequence[torch.Tensor]
) -> str:
    """What is wrong with a loss of classes whatever its values; empty: nothing.

    Args:
        name: of the loss.
        given, target: what it is given, classes on axis 1.
        outputs: of the model.
    """
    if name not in ("cross_entropy", "nll_loss"):
        return ""
    if are_scattered(given, outputs):
        return "classes_scattered"
    if name == "nll_loss" and normalized_elsewhere(given):
        return "normalized_elsewhere"
    alone = name == "cross_entropy" and selves_among_others(given, target)
    return "selves_among_others" if alone else ""


def are_scattered(given: torch.Tensor, outputs: Sequence[torch.Tensor]) -> bool:
    """Whether the scores of one target come from several places of the outputs.

    Outputs (n, classes, height, width) that are viewed as (-1, classes), not permuted before,
    give neighbors as classes. The values themselves tell where each came from: the outputs have
    an axis of as many classes, and on none of their axes is the index that of the class.

    Args:
        given: what the loss takes, classes on axis 1.
        outputs: of the model.
    """
    if given.ndim < 2:
        return False
    classes = given.shape[1]
    for out in outputs:
        moved = out.numel() == given.numel() and out.shape != given.shape
        if classes < 2 or not moved or classes not in out.shape[1:]:
            continue
        values, place = torch.sort(out.detach().reshape(-1))
        found = given.detach().reshape(-1)
        at = torch.searchsorted(values, found).clamp(max=len(values) - 1)
        alone = torch.ones_like(values, dtype=torch.bool)
        alone[1:] &= values[1:] != values[:-1]
        alone[:-1] &= values[1:] != values[:-1]
        if not bool((values[at] == found).all()) or alone.float().mean() < 0.5:
            continue
        shape = [1, classes, *[1] * (given.ndim - 2)]
        wanted = torch.arange(classes).reshape(shape).expand(given.shape).reshape(-1)
        wanted, came_from = wanted[alone[at]], place[at[alone[at]]]
        indices = torch.unravel_index(came_from, out.shape)
        if not any(bool((index == wanted).all()) for index in indices):
            return True
    return False


def normalized_elsewhere(given: torch.Tensor) -> bool:
    """Whether logarithms of probabilities, classes on axis 1, sum to 1 along another axis.

    Along axis 0 of a matrix, see `over_rows`.
    """
    if given.ndim < 3 or not given.numel() or min(given.shape) < 2:
        return False
    sums = [given.detach().double().exp().sum(axis) for axis in range(given.ndim)]
    apart = [float((s - 1).abs().max()) for s in sums]
    return apart[1] > _ROUNDING and min(apart[:1] + apart[2:]) <= _ROUNDING


def selves_among_others(given: torch.Tensor, target: torch.Tensor) -> bool:
    """Whether every row is held against the whole batch, itself included, to find another one.

    Likeness of a unit vector to itself is the largest there is, and the same for all: the other
    one can never win.
    """
    square = given.ndim == 2 and given.shape[0] == given.shape[1] >= _FEWEST
    if not square or target.shape != given.shape[:1] or target.is_floating_point():
        return False
    own = given.detach().diagonal()
    alike = float(own.max() - own.min()) <= _ROUNDING * float(own.abs().max())
    most = bool((given.detach().amax(1) <= own + _ROUNDING * own.abs()).all())
    others = bool((target != torch.arange(len(target), device=target.device)).all())
    varies = float(given.detach().std()) > _ROUNDING
    return alike and most and others and varies and float(own.abs().max()) > 0


def class_numbers(
    name: str, sides: tuple[torch.Tensor | None, torch.Tensor | None], targets: Sequence[Any]
) -> LossCall | None:
    """An operation that takes the number of a class from each of its scores.

    Scores (n, classes) against numbers (n, 1) broadcast. Quantiles and mixtures are held against
    real amounts in that way; whole numbers below the number of columns are none.

    Args:
        name: of the operation.
        sides: what comes from the outputs, and from the targets.
        targets: of the batch.
    """
    outputs, numbers = sides
    if name not in _DIFFERENCES or outputs is None or numbers is None or len(targets) != 1:
        return None
    y = targets[0]
    if y.is_floating_point() or y.dtype == torch.bool or not y.numel():
        return None
    if outputs.ndim != 2 or numbers.ndim != 2 or y.numel() != len(outputs):
        return None
    classes = outputs.shape[1]
    fits = numbers.shape == (len(outputs), 1) and classes >= _FEWEST
    if not fits or int(y.min()) < 0 or int(y.max()) >= classes:
        return None
    if not torch.equal(numbers.reshape(-1).to(y.dtype), y.reshape(-1)):
        return None
    return LossCall(name, array(outputs), array(y), wrong="class_numbers")
