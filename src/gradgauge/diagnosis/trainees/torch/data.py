"""Batches, probe samples and random states of a PyTorch training."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils import _pytree as pytree

from gradgauge.diagnosis.errors import CannotDiagnose
from gradgauge.diagnosis.left_out import row_keys
from gradgauge.gauges import PROBE_SAMPLES


def call(model: nn.Module, x: Any) -> Any:
    """The model's output for one batch of inputs: a tensor, a tuple or a dict."""
    if isinstance(x, dict):
        return model(**x)
    return model(*x) if isinstance(x, (tuple, list)) else model(x)


TARGETS = ("labels", "label", "targets", "target", "y", "start_positions")
"""What a batch that is a mapping calls its targets."""
_ANSWERS = ("logits", "outputs", "prediction_logits", "last_hidden_state")
"""What a model that gives a mapping calls its outputs."""


def first(tree: Any) -> torch.Tensor:
    """The first tensor of a tuple or dict; of what a model gives its outputs, not its loss."""
    if isinstance(tree, torch.Tensor):
        return tree
    if isinstance(tree, Mapping):
        known = [tree[name] for name in _ANSWERS if tree.get(name) is not None]
        values = known or [value for name, value in tree.items() if name != "loss"]
        return first((values or list(tree.values()))[0])
    return first(next(iter(tree)))


def target_of(batch: Any) -> Any:
    """What the targets of a whole batch seem to be: under their name, or the last of its parts."""
    if isinstance(batch, Mapping):
        named = [batch[name] for name in TARGETS if isinstance(batch.get(name), torch.Tensor)]
        return named[0] if named else first(dict(batch))
    return target_of(batch[-1]) if isinstance(batch, (tuple, list)) else batch


def inputs_of(x: Any, whole: bool) -> list[torch.Tensor]:
    """The tensors of a batch that are no targets.

    Args:
        x: the inputs of a batch, or all of it.
        whole: whether it is all of it, targets included.
    """
    if isinstance(x, Mapping):
        named = {name: value for name, value in x.items() if name not in TARGETS}
        return [t for value in (named or x).values() for t in tensors(value)]
    if whole and isinstance(x, tuple) and len(x) > 1:
        x = x[:-1]
    return [t for part in (x if isinstance(x, tuple) else (x,)) for t in tensors(part)]


def tensors(tree: Any) -> list[torch.Tensor]:
    """The tensors of a tuple or dict."""
    if isinstance(tree, torch.Tensor):
        return [tree]
    if isinstance(tree, Mapping):
        tree = list(tree.values())
    return [t for part in tree for t in tensors(part)] if isinstance(tree, (tuple, list)) else []


def rows_of(tree: Any, rows: int) -> Any:
    """The first samples of a tensor, a tuple or a dict of them."""
    if isinstance(tree, torch.Tensor):
        return tree[:rows]
    if isinstance(tree, dict):
        return {key: rows_of(value, rows) for key, value in tree.items()}
    return tuple(rows_of(p, rows) for p in tree) if isinstance(tree, (tuple, list)) else tree


def keys_of(x: Any) -> np.ndarray:
    """The bytes of every sample of a batch of inputs."""
    return row_keys([t.detach().cpu().numpy() for t in tensors(x) if t.ndim])


def without(x: Any, y: Any, keys: np.ndarray) -> tuple[Any, Any]:
    """A batch without the samples of these keys."""
    kept = ~np.isin(keys_of(x), keys)
    at = torch.as_tensor(np.flatnonzero(kept))

    def chosen(leaf: Any) -> Any:
        of_samples = isinstance(leaf, torch.Tensor) and leaf.ndim and len(leaf) == len(kept)
        return leaf[at.to(leaf.device)] if of_samples else leaf

    return pytree.tree_map(chosen, x), pytree.tree_map(chosen, y)


def unpack(batch: Any) -> tuple[Any, Any]:
    """A batch as inputs and targets; a mapping stays whole, for its model takes them together."""
    if isinstance(batch, Mapping):
        return dict(batch), target_of(batch)
    if not isinstance(batch, (tuple, list)) or len(batch) < 2:
        raise CannotDiagnose("no_targets")
    return (batch[0] if len(batch) == 2 else tuple(batch[:-1])), batch[-1]


def probe(loader: Iterable[Any]) -> tuple[Any, Any, int]:
    """The first samples, and the size of a batch."""
    xs, ys, rows = [], [], 0
    for batch in loader:
        x, y = unpack(batch)
        if xs and not _fits(x, xs[0]):
            continue  # padded to another length
        xs.append(x)
        ys.append(y)
        rows += len(first(y))
        if rows >= PROBE_SAMPLES:
            break
    if not xs:
        raise CannotDiagnose("no_data")
    return _joined(xs), _joined(ys), len(first(ys[0]))


def samples_in(loader: Any) -> int:
    """How many samples there are to draw from; 0: not known."""
    dataset = getattr(loader, "dataset", None)
    try:
        return len(dataset) if dataset is not None else 0
    except TypeError:
        return 0


def _fits(x: Any, other: Any) -> bool:
    """Whether the samples of two batches have the same shapes."""
    shapes = [[t.shape[1:] for t in tensors(tree) if t.ndim] for tree in (x, other)]
    return shapes[0] == shapes[1]


def _joined(parts: list[Any]) -> Any:
    if not isinstance(parts[0], (torch.Tensor, Mapping, tuple, list)):
        return parts[0]
    if isinstance(parts[0], Mapping):
        return {key: _joined([p[key] for p in parts]) for key in parts[0]}
    if isinstance(parts[0], (tuple, list)):
        return tuple(_joined(list(column)) for column in zip(*parts, strict=True))
    if not parts[0].ndim:
        return parts[0]
    return torch.cat(parts)[:PROBE_SAMPLES]


def scaler(x: torch.Tensor) -> Callable[[Any], Any]:
    """Standardizes inputs by the mean and spread of `x`."""
    mean, spread = x.float().mean(dim=0), x.float().std(dim=0)
    spread = torch.where(spread > 0, spread, torch.ones_like(spread))

    def scale(other: Any) -> Any:
        return (other - mean) / spread if isinstance(other, torch.Tensor) else other

    return scale


def states(loader: Any) -> tuple[Any, ...]:
    """The random states that a training draws from."""
    generator = getattr(loader, "generator", None)
    own = generator.get_state() if generator is not None else None
    return random.getstate(), np.random.get_state(), torch.get_rng_state(), own  # noqa: NPY002


def set_states(states: tuple[Any, ...], loader: Any) -> None:
    """Put back what `states` gave."""
    random.setstate(states[0])
    np.random.set_state(states[1])  # noqa: NPY002
    torch.set_rng_state(states[2])
    if states[3] is not None:
        loader.generator.set_state(states[3])


@contextmanager
def random_states(loader: Any) -> Iterator[None]:
    """Put the random states back at the end."""
    kept = states(loader)
    try:
        yield
    finally:
        set_states(kept, loader)
