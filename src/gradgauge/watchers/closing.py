"""What watchers share: they end with `close`, by hand or by `with`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Self

import gradgauge
from gradgauge.run import Run

if TYPE_CHECKING:
    from gradgauge import Diagnosis


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
