"""What a PyTorch module, its loss and its optimizer say of themselves."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import nn

from gradgauge.diagnosis.facts import IGNORED, Layer, Loss, Optimizer
from gradgauge.diagnosis.trainees.trainee import looks_drawn, share_rounded
from gradgauge.watchers.torch.modules import Row

KNOWN_LOSSES: dict[str, tuple[str, bool | None]] = {
    "crossentropyloss": ("sparse_categorical", True),
    "cross_entropy": ("sparse_categorical", True),
    "nllloss": ("sparse_categorical", None),
    "nll_loss": ("sparse_categorical", None),
    "kldivloss": ("categorical", None),
    "kl_div": ("categorical", None),
    "multilabelsoftmarginloss": ("binary", True),
    "bceloss": ("binary", False),
    "binary_cross_entropy": ("binary", False),
    "bcewithlogitsloss": ("binary", True),
    "binary_cross_entropy_with_logits": ("binary", True),
    "mseloss": ("mse", False),
    "mse_loss": ("mse", False),
    "l1loss": ("mae", False),
    "l1_loss": ("mae", False),
    "smoothl1loss": ("huber", False),
    "smooth_l1_loss": ("huber", False),
    "huberloss": ("huber", False),
    "huber_loss": ("huber", False),
}

_ACTIVATIONS = {
    "SoftmaxBackward0": "softmax",
    "LogSoftmaxBackward0": "log_softmax",
    "SigmoidBackward0": "sigmoid",
    "HardsigmoidBackward0": "hard_sigmoid",
    "TanhBackward0": "tanh",
    "HardtanhBackward0": "hardtanh",
    "ReluBackward0": "relu",
    "SoftplusBackward0": "softplus",
    "ExpBackward0": "exponential",
    "AddmmBackward0": "linear",
    "MmBackward0": "linear",
    "AddBackward0": "linear",
    "ConvolutionBackward0": "linear",
    "MkldnnConvolutionBackward0": "linear",
}

_SHAPING = (
    "SqueezeBackward",
    "ViewBackward",
    "UnsafeViewBackward",
    "UnsqueezeBackward",
    "ReshapeAliasBackward",
    "SelectBackward",
    "SliceBackward",
    "CloneBackward",
    "TransposeBackward",
    "PermuteBackward",
    "TBackward",
    "ToCopyBackward",
)


def loss_facts(loss: Any, y: torch.Tensor | None, outputs: torch.Tensor) -> Loss:
    """A loss module, a function of torch.nn.functional, or the user's own."""
    function = getattr(loss, "__name__", None)
    name = function or type(loss).__name__
    home = getattr(loss if function else type(loss), "__module__", "") or ""
    kind, logits = KNOWN_LOSSES.get(name.lower(), ("other", False))
    if not home.startswith("torch"):
        kind, logits = "other", False
    if (
        kind == "sparse_categorical"
        and y is not None
        and y.is_floating_point()
        and y.shape == outputs.shape
    ):
        kind = "categorical"
    if kind == "sparse_categorical" and outputs.ndim > 2:
        # Classes stand on the second axis: nothing here reads that.
        kind = "other"
    if name.lower() in ("kldivloss", "kl_div") and getattr(loss, "log_target", False):
        kind = "other"
    smoothing = float(getattr(loss, "label_smoothing", 0.0) or 0.0)
    if getattr(loss, "weight", None) is not None or getattr(loss, "pos_weight", None) is not None:
        smoothing = 1.0
    if getattr(loss, "reduction", "mean") != "mean" or "kl" in name.lower():
        smoothing = 1.0
    return Loss(kind, name, logits, smoothing)


def known_loss(value: torch.Tensor, outputs: torch.Tensor, y: torch.Tensor) -> Loss | None:
    """Which known loss of these outputs a model's own loss is, told by its value; None: none."""
    functional = nn.functional
    candidates: dict[str, tuple[str, bool | None]] = {}
    if outputs.ndim == 2 and y.shape == outputs.shape[:1] and not y.is_floating_point():
        candidates["cross_entropy"] = ("sparse_categorical", True)
    if y.shape == outputs.shape:
        candidates["mse_loss"], candidates["l1_loss"] = ("mse", False), ("mae", False)
        if bool((y >= 0).all()) and bool((y <= 1).all()):
            candidates["binary_cross_entropy_with_logits"] = ("binary", True)
    for name, (kind, logits) in candidates.items():
        target = y.long() if kind == "sparse_categorical" else y.to(outputs)
        try:
            found = float(getattr(functional, name)(outputs.detach(), target))
        except (RuntimeError, IndexError):
            continue
        if math.isclose(found, float(value.detach()), rel_tol=1e-4):
            return Loss(kind, name, logits)
    return None


def ignored_label(loss: Any) -> int:
    """The label that a loss of classes passes over."""
    return int(getattr(loss, "ignore_index", IGNORED))


def is_weighted(loss: Any) -> bool:
    """Whether the loss is not comparable with that of a constant answer."""
    weights = (
        getattr(loss, "weight", None) is not None or getattr(loss, "pos_weight", None) is not None
    )
    return weights or getattr(loss, "reduction", "mean") != "mean"


def output_activation(outputs: torch.Tensor) -> str:
    """The last operation that was done, read off the graph; empty where it is not known."""
    node = outputs.grad_fn
    for _ in range(8):
        if node is None:
            return ""
        name = type(node).__name__
        if name in _ACTIVATIONS:
            return _ACTIVATIONS[name]
        if not name.rstrip("0123456789").endswith(_SHAPING):
            return ""
        node = node.next_functions[0][0] if node.next_functions else None
    return ""


def optimizer_facts(optimizer: torch.optim.Optimizer) -> Optimizer:
    """Name and rate; of several groups the largest rate."""
    rates = [float(group["lr"]) for group in optimizer.param_groups if "lr" in group]
    return Optimizer(type(optimizer).__name__.lower(), max(rates, default=math.nan), bool(rates))


def layer_facts(
    model: nn.Module,
    rows: Sequence[Row],
    before: dict[int, np.ndarray],
    moved: set[int],
    trained: bool,
    rates: Mapping[int, float],
) -> tuple[Layer, ...]:
    """Rows of a watcher with their weights before and after; rates by a weight's id."""
    blocks = frozen_blocks(model)
    return tuple(
        replace(
            _layer(row, before, moved, trained, blocks),
            rate=max((rates[id(w)] for w in row.weights if id(w) in rates), default=math.nan),
        )
        for row in rows
    )


def rates_of(optimizer: torch.optim.Optimizer) -> dict[int, float]:
    """The learning rate of every parameter, by its id."""
    groups = (group for group in optimizer.param_groups if "lr" in group)
    return {id(p): float(group["lr"]) for group in groups for p in group["params"]}


def rounded_in(parameters: Iterable[nn.Parameter], before: Iterable[torch.Tensor]) -> float | None:
    """See `share_rounded`, of the parameters that are of low precision."""
    return share_rounded(
        (array(now.grad), array(then), array(now))
        for now, then in zip(parameters, before, strict=True)
        if now.is_floating_point() and now.itemsize <= 2 and now.grad is not None
    )


def _layer(
    row: Row, before: dict[int, np.ndarray], moved: set[int], trained: bool, blocks: dict[int, str]
) -> Layer:
    ids = {id(w) for w in row.weights}
    recurse = row.info.kind in ("recurrent", "attention")
    biases = [
        p
        for n, p in row.module.named_parameters(recurse=recurse)
        if id(p) not in ids and "bias" in n and id(p) in before
    ]
    weights = [w for w in row.weights if id(w) in before]
    first = [before[id(w)] for w in weights]
    trainable = any(w.requires_grad for w in row.weights)
    return Layer(
        row.info,
        tuple(_matrix(row, w) for w in first),
        tuple(_matrix(row, array(w)) for w in weights),
        tuple(before[id(b)] for b in biases),
        tuple(array(b) for b in biases),
        _fresh(row, first, [before[id(b)] for b in biases], trained),
        not trainable or any(id(w) in moved for w in row.weights),
        blocks.get(id(row.module), ""),
    )


def array(tensor: torch.Tensor) -> np.ndarray:
    """A copy in NumPy."""
    tensor = tensor.detach()
    tensor = tensor if tensor.layout is torch.strided else tensor.to_dense()
    return np.array((tensor.float() if tensor.itemsize < 4 else tensor).cpu().numpy())


def _matrix(row: Row, weight: np.ndarray) -> np.ndarray:
    """PyTorch's (units, fan_in) as (fan_in, units); embeddings stay."""
    if weight.ndim < 2 or row.info.kind == "embedding":
        return weight
    return np.moveaxis(weight, 0, -1)


def frozen_blocks(model: nn.Module) -> dict[int, str]:
    """Modules inside of a part of the model that was frozen as a whole."""
    found: dict[int, str] = {}
    for name, part in model.named_children():
        parameters = list(part.parameters())
        layers = [m for m in part.modules() if list(m.parameters(recurse=False))]
        if len(layers) > 1 and parameters and not any(p.requires_grad for p in parameters):
            found.update({id(module): name for module in layers})
    return found


def has_been_trained(model: nn.Module, optimizer: torch.optim.Optimizer | None) -> bool:
    """Whether something shows that the module was trained before."""
    if optimizer is not None and len(optimizer.state):
        return True
    tracked = [getattr(module, "num_batches_tracked", None) for module in model.modules()]
    return any(isinstance(t, torch.Tensor) and int(t) > 0 for t in tracked)


def _fresh(
    row: Row, weights: Sequence[np.ndarray], biases: Sequence[np.ndarray], trained: bool
) -> bool | None:
    """Whether weights and biases are as the module's own reset draws them; None: cannot tell."""
    if trained:
        return None if row.info.trainable else False
    if not weights:
        return None
    if row.info.kind in ("embedding", "recurrent"):
        return True if _drawn_by_reset(row, weights[0]) else None
    if row.info.kind not in ("dense", "convolution"):
        return None
    fan_in = int(np.prod(weights[0].shape[1:]))
    bound = 1 / math.sqrt(max(fan_in, 1))
    constant = all(b.size < 2 or np.ptp(b) == 0 for b in biases)
    default_biases = all(np.abs(b).max(initial=0) <= bound * 1.0001 for b in biases)
    rng = np.random.default_rng(0)
    sample = rng.uniform(-bound, bound, max(weights[0].size, 1_000))
    if np.abs(weights[0]).max(initial=0) <= bound * 1.0001 and looks_drawn(weights[0], sample):
        return constant or default_biases
    if constant:
        return True if biases else None
    return None if default_biases else False


def _drawn_by_reset(row: Row, weight: np.ndarray) -> bool:
    """Whether an embedding is standard normal, a recurrent layer uniform within its bound.

    That they are not tells nothing: they may be drawn otherwise.
    """
    rng = np.random.default_rng(0)
    if row.info.kind == "embedding":
        used = weight[np.any(weight != 0, axis=1)] if weight.ndim == 2 else weight
        return used.size > 0 and looks_drawn(used, rng.normal(size=max(used.size, 1_000)))
    bound = 1 / math.sqrt(max(int(getattr(row.module, "hidden_size", 0) or 0), 1))
    return looks_drawn(weight, rng.uniform(-bound, bound, max(weight.size, 1_000)))
