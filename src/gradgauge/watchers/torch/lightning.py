"""Watcher of a Lightning training: a callback for `Trainer(callbacks=[...])`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import torch

from gradgauge.watchers.closing import InTrainer
from gradgauge.watchers.torch.watcher import PyTorchWatcher

if TYPE_CHECKING or "lightning" in sys.modules:
    from lightning.pytorch import Callback
else:
    from pytorch_lightning import Callback


class LightningWatcher(InTrainer, Callback):
    """Reads the gauges of a LightningModule while a Trainer fits it.

    Hooks read the training batch; losses and epoch figures are those that the module returns
    and logs. After `fit`, and after an exception in it, nothing is left on the module.

    Args:
        options: as for PyTorchWatcher.
    """

    def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
        self.close()
        self._watcher = PyTorchWatcher(pl_module, framework="lightning", **self._options)
        if len(trainer.optimizers) == 1:
            self._watcher.follow(trainer.optimizers[0])

    def on_train_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        del trainer, pl_module, batch, batch_idx
        loss = outputs.get("loss") if isinstance(outputs, dict) else outputs
        if isinstance(loss, torch.Tensor):
            self.watcher.log_behind(loss)

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
