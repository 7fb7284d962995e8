"""Ctrl-C ends every command within two seconds, whatever it is doing, and keeps what is done.

Python hands a signal to the main thread, between two of its own instructions: during a long
compilation there are none, and inside a callback the exception may be swallowed. So the command
works in a thread of its own, and the main thread only waits. Asked to stop, it raises
KeyboardInterrupt in the command, which then says and saves what it can; a command that has not
ended in time is left where it stands. Whatever is finished lies on disk already, each file
written whole.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType

from gradgauge.cli.language import text

EXIT_INTERRUPTED = 130

GRACE = 1.2
"""Seconds that a command has to end by itself."""

_LOOK = 0.05
_STACK = 64 << 20
_NATIVE = ("jax", "jaxlib")
_STDERR = 2
_SHOW_CURSOR = "\x1b[?25h"

_key, _facts = "errors.stopped", dict[str, object]()


def kept(key: str, **facts: object) -> None:
    """Note the sentence that says what is kept, should the command be stopped from now on."""
    global _key, _facts
    _key, _facts = key, facts


def what_is_kept() -> str:
    """The sentence last noted."""
    return text(_key, **_facts)


class _Command(threading.Thread):
    """A command at work; `result` is its exit code, `error` what it raised."""

    def __init__(self, work: Callable[[], int]):
        super().__init__(name="gradgauge", daemon=True)
        self._work, self.over = work, threading.Event()
        self.result = EXIT_INTERRUPTED
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self.result = self._work()
        except BaseException as error:  # noqa: BLE001  The main thread raises it again.
            self.error = error
        finally:
            self.over.set()


def interruptible(work: Callable[[], int]) -> int:
    """What `work` returns or raises; 130 if Ctrl-C or SIGTERM ended it.

    Must be called in the main thread. A second Ctrl-C leaves at once.
    """
    stack = threading.stack_size(_STACK)
    command = _Command(work)
    deadline: list[float] = []
    raised = threading.Event()
    raised.set()

    def asked(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        if command.over.is_set():
            os._exit(EXIT_INTERRUPTED)
        if deadline:
            leave()
        deadline.append(time.monotonic() + GRACE)
        raised.clear()

    def swallowed(found: sys.UnraisableHookArgs) -> None:
        # A callback of the garbage collector, say, cannot raise: what it was hit by is lost.
        if deadline and issubclass(found.exc_type, KeyboardInterrupt):
            raised.clear()
        else:
            others(found)

    others, sys.unraisablehook = sys.unraisablehook, swallowed
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, asked)
    command.start()
    threading.stack_size(stack)
    while not command.over.wait(_LOOK):
        if not raised.is_set() and not _in_native_code(command):
            raised.set()
            _raise_in(command)
        if deadline and time.monotonic() > deadline[0]:
            leave()
    if isinstance(command.error, KeyboardInterrupt):
        leave()
    if command.error is not None:
        raise command.error
    return command.result


def leave() -> None:
    """End the process as it stands."""
    with contextlib.suppress(OSError, ValueError):
        _say(what_is_kept())
    os._exit(EXIT_INTERRUPTED)


def _say(sentence: str) -> None:
    """Write to stderr past Python's own buffers: another thread may hold their locks."""
    cursor = _SHOW_CURSOR if os.isatty(_STDERR) else ""
    # A pipe that nobody reads would keep the process.
    if hasattr(select, "poll"):
        waiting = select.poll()
        waiting.register(_STDERR, select.POLLOUT)
        if not waiting.poll(_LOOK * 1000):
            return
    os.write(_STDERR, f"{cursor}{sentence}\n".encode())


def _in_native_code(command: threading.Thread) -> bool:
    """Whether XLA may be under the command's frames.

    It calls Python back from places that no exception may leave: one raised there would abort the
    process. What lasts there is left where it stands.
    """
    frame = sys._current_frames().get(command.ident or 0)
    while frame is not None:
        name = frame.f_globals.get("__name__") or ""
        if name.partition(".")[0] in _NATIVE:
            return True
        frame = frame.f_back
    return False


def _raise_in(command: threading.Thread) -> None:
    """Raise KeyboardInterrupt in another thread, at its next instruction."""
    import ctypes

    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(command.ident or 0), ctypes.py_object(KeyboardInterrupt)
    )
