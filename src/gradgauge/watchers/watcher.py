"""What every watcher is to its user, whatever framework it watches."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Protocol, Self, runtime_checkable

from gradgauge.run import Run

if TYPE_CHECKING:
    from gradgauge import Diagnosis


@runtime_checkable
class Watcher(Protocol):
    """Returned by `watch`: a recording that grows during training.

    Each watcher is also what its framework expects: a callback for Keras, Lightning or Hugging
    Face; for JAX, which has no hooks, an object whose `step(params, ...)` you call once per
    update.
    """

    @property
    def run(self) -> Run:
        """What has been recorded so far."""
        ...

    @property
    def steps_done(self) -> int:
        """Number of training steps seen so far, recorded or not."""
        ...

    def diagnose(
        self, *, limits: Mapping[str, float] | None = None, off: Collection[str] = ()
    ) -> Diagnosis:
        """The diagnosis of the recording so far; see `gradgauge.diagnose`."""
        ...

    def close(self) -> None:
        """End the recording: remove the hooks and notify the listeners. Can be called repeatedly."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...
