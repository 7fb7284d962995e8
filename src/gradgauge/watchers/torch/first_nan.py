"""When the first NaN is asked for, and who is told of it.

On the CPU an answer costs nothing, so every step is asked before its update. An accelerator would
have to be waited for: there the answers stay where they are, and are read at the next step that is
measured anyway.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from gradgauge.watchers.errors import NotFinite
from gradgauge.watchers.recorder import Recorder
from gradgauge.watchers.torch.layers import Layers
from gradgauge.watchers.torch.modules import Row
from gradgauge.watchers.torch.non_finite import Origin, Sentinel
from gradgauge.watchers.torch.norms import local_part

_SLICE = 2**14
"""Most entries of a layer's gradient that are asked on an accelerator."""


class FirstNaN:
    """Looks for the first value that is not finite, and writes it down.

    Args:
        model: the module.
        compiled: whether it is compiled.
        layers: its layers.
        recorder: told of it.
        stop: whether the training ends there: then every step is asked before its update.
        waits: whether every step may be asked at once; None: unless that waits for an accelerator.
    """

    def __init__(
        self,
        model: nn.Module,
        compiled: bool,
        layers: Layers,
        recorder: Recorder,
        stop: bool,
        waits: bool | None = None,
    ):
        self._layers, self._recorder, self._stop = layers, recorder, stop
        self._sentinel: Sentinel | None = Sentinel(model, compiled)
        recorder.guarded = True
        if waits is None:
            waits = stop or all(p.device.type in ("cpu", "meta") for p in model.parameters())
        self._later = None if waits else Answers()

    def look(self, step: int, reading: bool) -> None:
        """Before an update: has anything stopped being finite?

        Args:
            step: the one that is being made.
            reading: whether something of it is read anyway.

        Raises:
            NotFinite: it has, and the training is to end there.
        """
        sentinel = self._sentinel
        if sentinel is None:
            return
        if self._later is not None:
            self._later.ask(step, sentinel.asked, self._layers.rows)
            if not reading or self.settle(step) or not self._later.has_any:
                return
        elif sentinel.is_finite():
            return
        self._sentinel = None  # The first one is enough.
        try:
            found = sentinel.locate(step, self._layers.rows)
        finally:
            sentinel.remove()
        self._tell(found)

    def settle(self, step: int) -> bool:
        """Read what was asked before `step`; whether something was not finite."""
        if self._sentinel is None or self._later is None:
            return False
        found = self._later.before(step, self._layers.rows)
        if found is None:
            return False
        self.remove()
        self._sentinel = None
        self._recorder.note("origin", "read_later")
        self._tell(found)
        return True

    def _tell(self, found: Origin) -> None:
        step, row, operation = found
        place = self._layers.rows.index(row) + 1 if row else -1
        self._recorder.broke(step, place, operation)
        if self._stop:
            raise NotFinite(step, row.info.name if row else "", operation)

    def forget(self, first: bool) -> None:
        """A step is over; whether it was the first one."""
        if self._sentinel is not None:
            self._sentinel.forget(first)

    def remove(self) -> None:
        """Take all hooks off."""
        if self._sentinel is not None:
            self._sentinel.remove()


class Answers:
    """At which step each layer's gradient stopped being finite, kept on the device."""

    def __init__(self) -> None:
        self._rows: list[Row] = []
        self._first: Any = None
        self._told: list[int] = []

    def ask(self, step: int, asked: nn.Parameter | None, rows: Sequence[Row]) -> None:
        """Ask the gradient in which all arrives, and a part of every layer's, without waiting."""
        if not self._rows or self._first is None:
            self._rows = list(rows)
        weights = [row.weights[0] if row.weights else None for row in self._rows]
        parts = [_part(asked), *map(_part, weights)]
        there = [at for at, part in enumerate(parts) if part is not None]
        found = [part for part in parts if part is not None]
        if not found or 0 not in there:
            return
        largest = torch._foreach_norm(found, float("inf"))  # type: ignore[attr-defined]
        bad = ~torch.isfinite(torch.stack([value.float() for value in largest]))
        if self._first is None:
            self._first = torch.full((len(parts),), -1, dtype=torch.int64, device=bad.device)
            self._none = torch.zeros(len(parts), dtype=torch.bool, device=bad.device)
        if len(there) < len(parts):
            bad = self._none.index_put((torch.tensor(there, device=bad.device),), bad)
        self._first = torch.where(bad & (self._first < 0), step, self._first)

    @property
    def has_any(self) -> bool:
        """Whether anything was not finite, when it was read last."""
        return bool(self._told) and self._told[0] >= 0

    def before(self, step: int, rows: Sequence[Row]) -> Origin | None:
        """The first one of an earlier step; waits for the device."""
        self._told = [] if self._first is None else self._first.tolist()
        if not self.has_any or self._told[0] >= step:
            return None
        first = self._told[0]
        bad = {id(row) for row, at in zip(self._rows, self._told[1:], strict=True) if at == first}
        trained = [row for row in rows if any(w.requires_grad for w in row.weights)]
        broken = [row for row in trained if id(row) in bad]
        operation = "loss" if len(broken) == len(trained) else "gradient"
        return Origin(first, broken[-1] if broken else None, operation)


def _part(parameter: nn.Parameter | None) -> torch.Tensor | None:
    """Some of the gradient; None where there is none to ask."""
    grad = parameter.grad if parameter is not None else None
    if grad is None or grad.is_sparse:
        return None
    local = local_part(grad)
    if local is None or not local.numel():
        return None
    if local.is_complex():
        local = torch.view_as_real(local)
    return local.view(-1)[:_SLICE] if local.is_contiguous() else local
