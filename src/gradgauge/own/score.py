"""How good outputs are, by a figure that no network can change: its loss is its own."""

from __future__ import annotations

import numpy as np

ACCURACY, EXPLAINED = "accuracy", "explained_variance"
_OF_NUMBERS = ("mse", "mae", "huber")


def has_classes(y: np.ndarray, loss_kind: str = "") -> bool:
    """Whether targets are classes: whole numbers, one-hot rows, or zeros and ones of a binary loss.

    Args:
        y: targets, (samples, ...).
        loss_kind: as `loss_kind`; of a regression's loss whole numbers are numbers.
    """
    if is_one_hot(y):
        return True
    if loss_kind == "binary":
        return bool(np.isin(y, (0, 1)).all())
    return y.dtype.kind in "uib" and loss_kind not in _OF_NUMBERS


def has_bits(y: np.ndarray, loss_kind: str) -> bool:
    """Whether targets are zeros and ones of any loss but one of numbers: a regression's may be, too.

    Args:
        y: targets, (samples, ...).
        loss_kind: as `loss_kind`.
    """
    return loss_kind not in _OF_NUMBERS and bool(np.isin(y, (0, 1)).all()) and bool(y.any())


def is_one_hot(y: np.ndarray) -> bool:
    """Whether the last axis holds a single 1 among zeros everywhere."""
    if y.ndim < 2 or y.shape[-1] < 2 or y.dtype.kind not in "uifb":
        return False
    return bool(((y == 0) | (y == 1)).all() and (y.sum(axis=-1) == 1).all())


def labels_of(y: np.ndarray) -> np.ndarray:
    """Classes as whole numbers, one-hot rows by the place of their 1, in int32."""
    if is_one_hot(y):
        return y.argmax(axis=-1).astype(np.int32)
    if y.ndim > 1 and y.shape[-1] == 1:
        y = y[..., 0]
    return y.astype(np.int32)


def accuracy(outputs: np.ndarray, y: np.ndarray) -> float:
    """Share of right classes.

    Args:
        outputs: (samples, ..., classes), or (samples, classes, ...) as PyTorch's losses take them,
            of logits or probabilities; of two classes (samples, ...), (samples, ..., 1): the
            probability of the second one if all lie in [0, 1], else its logit.
        y: classes or one-hot rows.

    Returns:
        NaN where the shapes do not belong together.
    """
    labels = labels_of(y)
    if outputs.ndim == labels.ndim + 1 and outputs.shape[-1] == 1:
        outputs = outputs[..., 0]
    if outputs.shape == labels.shape:
        probabilities = bool(((outputs >= 0) & (outputs <= 1)).all())
        chosen = outputs > (0.5 if probabilities else 0.0)
    elif outputs.shape[:-1] == labels.shape:
        chosen = outputs.argmax(axis=-1)
    elif outputs.shape[:1] + outputs.shape[2:] == labels.shape:
        chosen = outputs.argmax(axis=1)
    else:
        return float("nan")
    finite = np.isfinite(outputs).all()
    return float(np.mean(chosen == labels)) if finite else float("nan")


def explained_variance(outputs: np.ndarray, y: np.ndarray) -> float:
    """1 - mean square error / variance of the targets: 1 is perfect, 0 the best constant.

    NaN where shapes do not belong together, or where the targets do not vary.
    """
    y = y.astype(np.float64).reshape(len(y), -1)
    found = outputs.astype(np.float64).reshape(len(outputs), -1)
    spread = float(y.var(axis=0).sum())
    if found.shape != y.shape or spread == 0:
        return float("nan")
    return 1.0 - float(((found - y) ** 2).mean(axis=0).sum()) / spread


_KINDS = {
    "cross_entropy": (
        *("sparsecategoricalcrossentropy", "categoricalcrossentropy"),
        *("crossentropy", "softmaxcrossentropy", "nll"),
    ),
    "binary": ("binarycrossentropy", "bce", "bcewithlogits", "binarycrossentropywithlogits"),
    "mse": ("mse", "meansquarederror"),
    "mae": ("mae", "meanabsoluteerror", "l1"),
    "huber": ("huber", "smoothl1"),
}


def loss_kind(loss: object) -> str:
    """Which of the well-known losses it is, by its name: `cross_entropy`, `binary`, `mse`, `mae`,
    `huber`; empty for any other."""
    name = loss if isinstance(loss, str) else getattr(loss, "__name__", type(loss).__name__)
    plain = str(name).replace("_", "").lower().removesuffix("loss")
    return next((kind for kind, names in _KINDS.items() if plain in names), "")
