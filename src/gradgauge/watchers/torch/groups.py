"""The parameter groups of PyTorch's optimizers: their rates, and what they do to their weights."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from gradgauge.gauges.backward_gain import ratio
from gradgauge.parameter_groups import GROUP_QUANTITIES, ParameterGroup
from gradgauge.watchers.group_table import GroupTable
from gradgauge.watchers.torch.norms import root

MOST_GROUPS = 64
"""Groups that are recorded: of an optimizer for every parameter, layers show as much."""


class Groups:
    """The groups that make updates of a model.

    Args:
        model: the module.
        table: told of groups and figures.
        note: told (subject, reason) where there are too many.
    """

    def __init__(self, model: nn.Module, table: GroupTable, note: Callable[..., None]):
        self._model, self._table, self._note = model, table, note
        self._numbers: weakref.WeakKeyDictionary[Any, dict[int, int]] = weakref.WeakKeyDictionary()
        self._members: dict[int, list[int]] = {}
        self._now: dict[int, tuple[float, float]] = {}

    def updated_by(self, optimizer: torch.optim.Optimizer) -> None:
        """An optimizer is about to make an update: by these rates."""
        numbers = self._numbers.setdefault(optimizer, {})
        for index, group in enumerate(optimizer.param_groups):
            number = numbers.get(index)
            if number is None:
                number = self._enter(optimizer, index)
                if number is None:
                    return
                numbers[index] = number
            if len(self._members[number]) != len(group["params"]):
                self._members[number] = [id(p) for p in group["params"]]
            rates = (float(group.get(key, np.nan)) for key in ("lr", "weight_decay"))
            self._now[number] = (next(rates), next(rates))

    def _enter(self, optimizer: torch.optim.Optimizer, index: int) -> int | None:
        groups = self._table.groups
        if len(groups) >= MOST_GROUPS:
            self._note("parameter_groups", "too_many_groups")
            return None
        group, kind = optimizer.param_groups[index], type(optimizer).__name__
        names = {id(p): name for name, p in self._model.named_parameters()}
        own = [p for p in group["params"] if id(p) in names]
        alone = len(optimizer.param_groups) == 1
        name = str(group.get("name") or (kind if alone else f"{kind} {index + 1}"))
        alike = sum(known.name.partition(" (")[0] == name for known in groups)
        name = f"{name} ({alike + 1})" if alike else name
        inside = tuple(names[id(p)] for p in own)
        whole = alone and len(own) == len(group["params"])
        groups.append(ParameterGroup(name, kind, inside, sum(p.numel() for p in own), whole))
        self._members[len(groups) - 1] = [id(p) for p in own]
        return len(groups) - 1

    def record(self, step: int, place: Mapping[int, int], norms: np.ndarray) -> None:
        """The figures of a step, of the groups that have made an update in it.

        Args:
            step: its number.
            place: id of a parameter -> its place in `norms`.
            norms: of gradients before and after clipping, weights and changes: (4, parameters).
        """
        if not self._now:
            return
        figures = np.full((len(GROUP_QUANTITIES), len(self._table.groups)), np.nan)
        for number, (rate, decay) in self._now.items():
            at = [place[i] for i in self._members[number] if i in place]
            before, clipped, weights, changes = (_of_all(row[at]) for row in norms)
            moved = [i for i in at if not np.isnan(norms[3, i])]
            share = ratio(np.array(changes), np.array(_of_all(norms[2, moved])))
            figures[:, number] = rate, decay, before, clipped, weights, float(share)
        self._table.put(step, dict(zip(GROUP_QUANTITIES, figures, strict=True)))
        self._now.clear()


def _of_all(norms: np.ndarray) -> float:
    """The norm of several tensors together, of those that have one; NaN where none has."""
    found = norms[~np.isnan(norms)]
    return root(found) if found.size else float("nan")
