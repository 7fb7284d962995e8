"""What callbacks of trainers share: a watcher that exists once training has begun."""

from __future__ import annotations

from typing import Any

from gradgauge.run import Run
from gradgauge.watchers.closing import Closing
from gradgauge.watchers.errors import CannotWatch
from gradgauge.watchers.torch.watcher import PyTorchWatcher


class InTrainer(Closing):
    """A trainer's callback: the PyTorch watcher inside of it exists once training has begun.

    Args:
        options: as for PyTorchWatcher.
    """

    def __init__(self, **options: Any):
        super().__init__()
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

    @property
    def steps_done(self) -> int:
        """Steps of training seen so far; 0 before it has begun."""
        return self._watcher.steps_done if self._watcher else 0

    def close(self) -> None:
        """Take all hooks off; done at the end of training."""
        if self._watcher is not None:
            self._watcher.close()
