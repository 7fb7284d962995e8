"""Indices of a PyTorch training, held against the tables that they are looked up in."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from gradgauge.diagnosis.properties.indices import INPUTS, TARGETS, Outside, joined, outside
from gradgauge.diagnosis.properties.order import EPOCH_SECONDS
from gradgauge.diagnosis.trainees.torch.data import call, first, inputs_of, unpack
from gradgauge.diagnosis.trainees.torch.facts import array, ignored_label, loss_facts
from gradgauge.watchers.torch.state import preserved


class _Lookups(TorchFunctionMode):
    """Notes what is looked up in which table, before it is: an index outside of it ends the pass."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[torch.Tensor, torch.Tensor]] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func in (functional.embedding, functional.embedding_bag):
            both = (*args[:2], *(kwargs[k] for k in ("input", "weight") if k in kwargs))
            if len(both) > 1 and all(isinstance(t, torch.Tensor) for t in both[:2]):
                self.found.append((both[0].detach(), both[1]))
        return func(*args, **kwargs)


def indices_of(
    model: nn.Module, loss: Any, loader: Iterable[Any], whole: bool
) -> tuple[Outside, ...]:
    """Indices outside of their tables, in the first batch and in an epoch, or a part of it.

    Args:
        model: called in evaluation mode.
        loss: of which the classes' number is known, where it is a known one.
        loader: the batches.
        whole: whether a batch goes to the model with its targets.
    """
    names = {id(p): name.rpartition(".")[0] for name, p in model.named_parameters()}
    x, y = unpack(next(iter(loader)))
    lookups, outputs = _Lookups(), None
    with preserved(model), torch.no_grad(), lookups:
        model.eval()
        try:
            outputs = call(model, x)
        except (IndexError, RuntimeError):
            if not lookups.found:
                raise
    found = [_outside(i, table, names) for i, table in lookups.found]
    tables = [(_place(i, inputs_of(x, whole)), table) for i, table in lookups.found]
    classes = None if outputs is None else _classes(loss, first(outputs), first(y))
    began = time.perf_counter()
    for batch in loader:
        x, y = unpack(batch)
        given = inputs_of(x, whole)
        found += [_outside(given[p], t, names) for p, t in tables if p is not None]
        if classes is not None:
            labels, ignored = array(first(y)), (ignored_label(loss),)
            found.append(outside(labels, classes, TARGETS, passed_over=ignored))
        if time.perf_counter() - began > EPOCH_SECONDS:
            break
    return joined(found)


def _outside(indices: torch.Tensor, table: torch.Tensor, names: dict[int, str]) -> Outside | None:
    return outside(array(indices), len(table), INPUTS, names.get(id(table), ""))


def _place(indices: torch.Tensor, given: list[torch.Tensor]) -> int | None:
    """Which of the inputs is looked up as it is; None: none, they are computed."""
    for place, tensor in enumerate(given):
        if tensor.shape == indices.shape and torch.equal(tensor.to(indices), indices):
            return place
    return None


def _classes(loss: Any, outputs: torch.Tensor, y: torch.Tensor) -> int | None:
    """How many classes a known loss chooses from; None: it does not choose."""
    if outputs.ndim < 2 or y.is_floating_point():
        return None
    known = loss_facts(loss, y, outputs[:, :, 0] if outputs.ndim > 2 else outputs)
    if known.kind != "sparse_categorical":
        return None
    return int(outputs.shape[1])
