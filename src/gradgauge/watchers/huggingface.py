"""Watcher of a Hugging Face `Trainer`: a callback for `Trainer(callbacks=[...])`."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

from transformers import TrainerCallback

from gradgauge.run import Run
from gradgauge.watchers._errors import CannotWatch
from gradgauge.watchers.pytorch import PyTorchWatcher


class HuggingFaceWatcher(TrainerCallback):
    """Reads the gauges of a model while a Trainer trains it.

    Hooks read the training batch. The Trainer tells its callbacks nothing when a training ends
    in an exception: use the watcher as a context manager round `trainer.train()`, or call
    `close`, to have all hooks off in that case, too.

    Args:
        options: as for PyTorchWatcher.
    """

    def __init__(self, **options: Any):
        self._options = options
        self._watcher: PyTorchWatcher | None = None

    @property
    def watcher(self) -> PyTorchWatcher:
        """What watches, once training has begun.

        Raises:
            CannotWatch: it has not.
        """
        if self._watcher is None:
            raise CannotWatch("not_begun")
        return self._watcher

    @property
    def run(self) -> Run:
        """What has been recorded so far."""
        return self.watcher.run

    def close(self) -> None:
        """Take all hooks off; done at the end of training."""
        if self._watcher is not None:
            self._watcher.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        del args, state, control
        self.close()
        self._watcher = PyTorchWatcher(kwargs["model"], framework="huggingface", **self._options)
        optimizer = kwargs.get("optimizer")
        if optimizer is not None:
            # Accelerate wraps the optimiser; hooks see the one inside.
            self._watcher.follow(getattr(optimizer, "optimizer", optimizer))

    def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        del args, control
        logs = kwargs.get("logs") or {}
        if "loss" in logs and self._watcher is not None:
            self._watcher.log_behind(logs["loss"])
            if state.epoch:
                self._watcher.log_epoch(max(1, round(state.epoch)), loss=logs["loss"])

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        del args, state, control, kwargs
        self.close()
