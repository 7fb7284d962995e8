"""A PyTorch module with loss and optimizer: the ordinary loop."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import nn

from gradgauge.own.data import Batches, Tree, leaves, mapped
from gradgauge.own.loops.loop import Facts, OnStep, Watching, mean_loss
from gradgauge.own.made import Made
from gradgauge.own.score import accuracy, has_classes, loss_kind
from gradgauge.run import Run
from gradgauge.watchers.torch.state import preserved
from gradgauge.watchers.torch.watcher import PyTorchWatcher

_WHOLE = {torch.int8, torch.int16, torch.int32, torch.uint8}


class TorchLoop:
    """See Loop.

    Args:
        made: a module, its loss and its optimizer.
    """

    model: Any
    criterion: Any
    optimizer: Any

    def __init__(self, made: Made):
        self.model, self.criterion, self.optimizer = made.model, made.loss, made.optimizer
        self._before, self._after = made.before_step, made.after_step
        self._scheduler = made.scheduler
        self._broke = False

    def facts(self) -> Facts:
        """See Loop."""
        kind, name = loss_kind(self.criterion), _name_of(self.criterion)
        rates = {float(group["lr"]) for group in self.optimizer.param_groups}
        return Facts(
            sum(p.numel() for p in self.model.parameters() if p.requires_grad),
            type(self.optimizer).__name__.lower(),
            rates.pop() if len(rates) == 1 else math.nan,
            name,
            kind,
            str(self._device),
            on_cpu=self._device.type == "cpu",
        )

    @property
    def _device(self) -> torch.device:
        first = next(self.model.parameters(), None)
        return first.device if first is not None else torch.device("cpu")

    def takes(self, x: Tree, y: np.ndarray) -> str:
        """See Loop."""
        try:
            with preserved(self.model), torch.no_grad():
                self.criterion(self._call(x), self._targets(y))
        # What a user's module answers to a wrong shape is whatever its parts happen to raise.
        except Exception as error:  # noqa: BLE001
            return str(error).strip().partition("\n")[0] or type(error).__name__
        return ""

    def weights(self) -> list[np.ndarray]:
        """See Loop."""
        parameters = [p for p in self.model.parameters() if p.requires_grad]
        return [p.detach().float().cpu().numpy().copy() for p in parameters]

    def broke(self) -> bool:
        """See Loop."""
        return self._broke

    def train(
        self,
        batches: Batches,
        watching: Watching | None = None,
        on_step: OnStep | None = None,
        most: int | None = None,
    ) -> Run | None:
        """See Loop."""
        self._broke = False
        self.model.train()
        if watching is None:
            self._epochs(batches, None, on_step, most)
            return None
        watcher = PyTorchWatcher(
            self.model,
            mapped(self._tensor, watching.x),
            self._targets(watching.y),
            loss=self.criterion,
            optimizer=self.optimizer,
            every=watching.every,
            norms_every=watching.norms_every,
            name=watching.name,
        )
        with watcher:
            self._epochs(batches, watcher, on_step, most)
        return watcher.run

    def _epochs(
        self,
        batches: Batches,
        watcher: PyTorchWatcher | None,
        on_step: OnStep | None,
        most: int | None,
    ) -> None:
        made = 0
        for epoch, order in enumerate(batches.orders(), 1):
            losses, right, count = 0.0, 0.0, 0
            for number in range(batches.per_epoch):
                if most is not None and made >= most:
                    return
                x, y = batches.batch(order, number)
                loss, share = self._step(x, y, watcher)
                losses, right, count = (
                    losses + loss * len(y),
                    right + share * len(y),
                    count + len(y),
                )
                if self._scheduler is not None:
                    self._scheduler.after(made, batches.per_epoch, loss)
                made += 1
                if on_step is not None:
                    on_step(made)
                if not math.isfinite(loss):
                    self._broke = True
                    break
            if watcher is not None:
                watcher.log_epoch(epoch, loss=losses / count, accuracy=right / count)
            if self._broke:
                return

    def _step(self, x: Tree, y: np.ndarray, watcher: PyTorchWatcher | None) -> tuple[float, float]:
        """One update; the loss before it, and the share of right classes if it is watched."""
        targets = self._targets(y)
        shown: list[Any] = []

        def closure() -> torch.Tensor:
            self.optimizer.zero_grad(set_to_none=True)
            outputs = self._call(x)
            loss = self.criterion(outputs, targets)
            loss.backward()
            for call in self._before:
                call()
            shown[:] = [outputs, loss]
            return loss

        if isinstance(self.optimizer, torch.optim.LBFGS):
            self.optimizer.step(closure)
        else:
            loss = closure()
            if watcher is not None:
                watcher.log(loss)
            self.optimizer.step()
        for call in self._after:
            call()
        outputs, loss = shown
        share = math.nan
        if watcher is not None and isinstance(outputs, torch.Tensor):
            share = _share(outputs, y, loss_kind(self.criterion))
        return float(loss.detach()), share

    def outputs(self, x: Tree, size: int) -> np.ndarray | None:
        """See Loop."""
        count = len(leaves(x)[0])
        parts = []
        with preserved(self.model), torch.no_grad():
            self.model.eval()
            for at in range(0, count, size):
                out = self._call(mapped(lambda a, at=at: a[at : at + size], x))
                if not isinstance(out, torch.Tensor):
                    return None
                parts.append(out.float().cpu().numpy())
        return np.concatenate(parts)

    def loss(self, x: Tree, y: np.ndarray, size: int) -> float:
        """See Loop."""

        def of_batch(x: Tree, y: np.ndarray) -> float:
            return float(self.criterion(self._call(x), self._targets(y)))

        with preserved(self.model), torch.no_grad():
            self.model.eval()
            return mean_loss(of_batch, x, y, size)

    def _call(self, x: Tree) -> Any:
        x = mapped(self._tensor, x)
        if isinstance(x, dict):
            return self.model(**x)
        return self.model(*x) if isinstance(x, (tuple, list)) else self.model(x)

    def tensors(self, x: Tree, y: np.ndarray) -> tuple[Any, torch.Tensor]:
        """Inputs and targets as the module and its loss are given them."""
        return mapped(self._tensor, x), self._targets(y)

    def _tensor(self, array: np.ndarray) -> torch.Tensor:
        return torch.as_tensor(np.ascontiguousarray(array)).to(self._device)

    def _targets(self, y: np.ndarray) -> torch.Tensor:
        """Classes as PyTorch's losses take them, in int64; all else as it is."""
        tensor = self._tensor(y)
        return tensor.long() if tensor.dtype in _WHOLE else tensor


def _share(outputs: torch.Tensor, y: np.ndarray, kind: str) -> float:
    return accuracy(outputs.detach().float().cpu().numpy(), y) if has_classes(y, kind) else math.nan


def _name_of(loss: Any) -> str:
    return type(loss).__name__ if isinstance(loss, nn.Module) else getattr(loss, "__name__", "loss")
