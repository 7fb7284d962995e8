"""Batches, probe samples and random states of a PyTorch training."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn

from gradgauge.diagnosis.errors import CannotDiagnose
from gradgauge.gauges import PROBE_SAMPLES


def call(model: nn.Module, x: Any) -> Any:
    """The model's output for one batch of inputs: a tensor, a tuple or a dict."""
    if isinstance(x, dict):
        return model(**x)
    return model(*x) if isinstance(x, (tuple, list)) else model(x)


def first(tree: Any) -> torch.Tensor:
    """The first tensor of a tuple or dict."""
    if isinstance(tree, torch.Tensor):
        return tree
    values = list(tree.values()) if isinstance(tree, dict) else list(tree)
    return first(values[0])


def tensors(tree: Any) -> list[torch.Tensor]:
    """The tensors of a tuple or dict."""
    if isinstance(tree, torch.Tensor):
        return [tree]
    return list(tree.values()) if isinstance(tree, dict) else list(tree)


def rows_of(tree: Any, rows: int) -> Any:
    """The first samples of a tensor, a tuple or a dict of them."""
    if isinstance(tree, torch.Tensor):
        return tree[:rows]
    if isinstance(tree, dict):
        return {key: rows_of(value, rows) for key, value in tree.items()}
    return tuple(rows_of(part, rows) for part in tree)


def unpack(batch: Any) -> tuple[Any, Any]:
    """A batch as inputs and targets."""
    if not isinstance(batch, (tuple, list)) or len(batch) < 2:
        raise CannotDiagnose("no_targets")
    return (batch[0] if len(batch) == 2 else tuple(batch[:-1])), batch[-1]


def probe(loader: Iterable[Any]) -> tuple[Any, Any, int]:
    """The first samples, and the size of a batch."""
    xs, ys, rows = [], [], 0
    for batch in loader:
        x, y = unpack(batch)
        xs.append(x)
        ys.append(y)
        rows += len(first(y))
        if rows >= PROBE_SAMPLES:
            break
    if not xs:
        raise CannotDiagnose("no_data")
    return _joined(xs), _joined(ys), len(first(ys[0]))


def _joined(parts: list[Any]) -> Any:
    if isinstance(parts[0], dict):
        return {key: torch.cat([p[key] for p in parts])[:PROBE_SAMPLES] for key in parts[0]}
    if isinstance(parts[0], (tuple, list)):
        return tuple(torch.cat(column)[:PROBE_SAMPLES] for column in zip(*parts, strict=True))
    return torch.cat(parts)[:PROBE_SAMPLES]


def scaler(x: torch.Tensor) -> Callable[[Any], Any]:
    """Standardises inputs by the mean and spread of `x`."""
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
