"""A guard round everything that a watcher does inside of somebody's training."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from gradgauge.watchers.errors import NotFinite

MOST_FAILURES = 3
"""Failed steps after which a watcher lets go: what fails that often will fail again."""

Guarded = Callable[..., Any]
"""(function, *arguments) -> what the function returns, or None where it failed."""


def unguarded(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call `function`, and let its exceptions through: of a pass that has a guard of its own."""
    return function(*arguments)


class Guard:
    """Turns exceptions of the watcher's own into notes, and ends the watching if they go on.

    Args:
        note: told (subject, reason, error=...) of each kind of failure.
        let_go: called once there have been MOST_FAILURES failed steps.

    Attributes:
        failed: whether anything has failed since `renew`: what is seen of this step is then not
            to be trusted.
        over: whether the watcher has let go.
    """

    failed: bool
    over: bool

    def __init__(self, note: Callable[..., None], let_go: Callable[[], None]):
        self._note, self._let_go = note, let_go
        self._failures = 0
        self.failed = self.over = False

    def __call__(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """What `function` returns; None where it raised an exception, or is not called any more."""
        if self.over:
            return None
        try:
            return function(*arguments)
        except NotFinite:
            raise
        except Exception as error:  # noqa: BLE001 an instrument must not end the training
            self._fail(error)
        return None

    def _fail(self, error: Exception) -> None:
        first_line = str(error).partition("\n")[0]
        self._note("signals", "reading_failed", error=f"{type(error).__name__}: {first_line}")
        self.blame()

    def blame(self) -> None:
        """This step has failed, here or in another process."""
        self._failures += not self.failed
        self.failed = True

    def renew(self) -> None:
        """A new step begins, or after too many failures none: other processes that wait for this
        one at the end of a step have been served by now."""
        self.failed = False
        if self._failures >= MOST_FAILURES and not self.over:
            self.over = True
            self._note("signals", "let_go", steps=self._failures)
            self._let_go()


def weakly(owner: Any, name: str) -> Callable[..., None]:
    """A hook that does not keep its watcher alive."""
    reference = weakref.ref(owner)

    def hook(*args: Any) -> None:
        watcher = reference()
        if watcher is not None:
            getattr(watcher, name)(*args)

    return hook


def guarded(guard: Guard, function: Callable[..., None]) -> Callable[..., None]:
    """A hook that calls `function` under `guard`."""

    def call(*args: Any) -> None:
        guard(function, *args)

    return call
