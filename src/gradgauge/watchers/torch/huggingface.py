"""Watcher for a Hugging Face `Trainer`: a callback for `Trainer(callbacks=[...])`."""

from __future__ import annotations

from typing import Any

from transformers import TrainerCallback

from gradgauge.watchers.torch.in_trainer import InTrainer
from gradgauge.watchers.torch.watcher import PyTorchWatcher


class HuggingFaceWatcher(InTrainer, TrainerCallback):
    """Measures the gauges of a model while a Trainer trains it.

    Hooks read the training batch. The Trainer does not notify its callbacks when training ends
    with an exception. To remove the hooks in that case too, use the watcher as a context manager
    around `trainer.train()`, or call `close`.

    Args:
        options: as for PyTorchWatcher.
    """

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        del args, state, control
        self.close()
        self._watcher = PyTorchWatcher(kwargs["model"], framework="huggingface", **self._options)

    def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        del args, control
        logs = kwargs.get("logs") or {}
        if "loss" in logs and self._watcher is not None:
            self._watcher.log_last(logs["loss"])
            if state.epoch:
                self._watcher.log_epoch(max(1, round(state.epoch)), loss=logs["loss"])

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        del args, state, control, kwargs
        self.close()
