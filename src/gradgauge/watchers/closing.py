"""What watchers share: they end with `close`, by hand or by `with`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, Self

import gradgauge
from gradgauge.run import Run
from gradgauge.watchers.errors import CannotWatch

if TYPE_CHECKING:
    from gradgauge import Diagnosis
    from gradgauge.watchers.torch.watcher import PyTorchWatcher


class Closing:
    """A context manager that closes at its end, also after an exception."""

    @property
    def run(self) -> Run:
        """What has been recorded so far."""
        raise NotImplementedError

    def close(self) -> None:
        """The training is over."""
        raise NotImplementedError

    def diagnose(
        self, *, limits: Mapping[str, float] | None = None, off: Collection[str] = ()
    ) -> Diagnosis:
        """What can be told from the recording so far, by the rules of `gradgauge.diagnose`.

        The training is the user's own, with its loop: gradients that were not cleared, a schedule
        that ends it early. Rules that need the model or its data are not applicable, and say so.

        Args:
            limits, off: as for `gradgauge.diagnose`.

        Raises:
            UnknownName: no such limit or rule.
        """
        return gradgauge.diagnose(self.run, limits=limits, off=off)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


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
