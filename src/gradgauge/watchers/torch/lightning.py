"""Watcher for Lightning: a callback for `Trainer(callbacks=[...])`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import torch

from gradgauge.watchers.torch.in_trainer import InTrainer
from gradgauge.watchers.torch.watcher import PyTorchWatcher

if TYPE_CHECKING or "lightning" in sys.modules:
    from lightning.pytorch import Callback
else:
    from pytorch_lightning import Callback


class LightningWatcher(InTrainer, Callback):
    """Measures the gauges of a LightningModule while a Trainer fits it.

    Hooks read the training batch. Epoch values are those that the module logs. The loss of a step
    is the mean of what the module returns for its micro-batches. The hooks are removed when `fit`
    ends, even after an exception.

    Args:
        options: as for PyTorchWatcher.
    """

    def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
        del trainer
        self.close()
        self._losses: list[float] = []
        self._steps = 0
        self._watcher = PyTorchWatcher(pl_module, framework="lightning", **self._options)

    def on_train_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        del batch, batch_idx
        loss = outputs.get("loss") if isinstance(outputs, dict) else outputs
        if isinstance(loss, torch.Tensor):
            # Lightning divides the loss of a micro-batch by their number, for the gradients' sake.
            parts = trainer.accumulate_grad_batches if pl_module.automatic_optimization else 1
            self._losses.append(float(loss.detach()) * parts)
        if self.watcher.steps_done > self._steps:
            self._steps = self.watcher.steps_done
            if self._losses:
                self.watcher.log_last(sum(self._losses) / len(self._losses))
            self._losses.clear()

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        del pl_module
        figures = {
            str(name): float(value)
            for name, value in trainer.callback_metrics.items()
            if getattr(value, "ndim", 0) == 0
        }
        self.watcher.log_epoch(trainer.current_epoch + 1, **figures)

    def on_fit_end(self, trainer: Any, pl_module: Any) -> None:
        del trainer, pl_module
        self.close()

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        del trainer, pl_module, exception
        self.close()
