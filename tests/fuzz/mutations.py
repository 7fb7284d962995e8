"""Files that are almost what they say: a good one with some bytes changed, and time limits."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType

from hypothesis import strategies as st

_NUMBERS = (b"\x00", b"\xff", b"\x7f", b"\x80", b"\xff\xff\xff\xff", b"\x00\x00\x00\x80")
_TEXTS = (b"-1", b"1e999", b"nan", b"99999999999999999999", b"\x1b[2J", b"../", b"{", b"]", b"\n")
_PIECES = _NUMBERS + _TEXTS


@st.composite
def changed(draw: st.DrawFn, good: bytes) -> bytes:
    """`good` after one to six changes: bytes flipped, cut out, put in, repeated, or the end lost."""
    data = bytearray(good)
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, max(len(data) - 1, 0)))
        length = draw(st.integers(1, 64))
        kind = draw(st.sampled_from(("flip", "cut", "put", "write", "repeat", "end")))
        if kind == "flip" and data:
            data[at] ^= 1 << draw(st.integers(0, 7))
        elif kind == "cut":
            del data[at : at + length]
        elif kind == "put":
            data[at:at] = draw(st.sampled_from(_PIECES) | st.binary(max_size=8))
        elif kind == "write":
            piece = draw(st.sampled_from(_PIECES))
            data[at : at + len(piece)] = piece
        elif kind == "repeat":
            data[at:at] = data[at : at + length]
        else:
            del data[at:]
    return bytes(data)


class Hangs(BaseException):
    """A reader that takes too long; no reader's `except Exception` catches it."""


@contextlib.contextmanager
def within(seconds: int) -> Iterator[None]:
    """Raise Hangs in here once so many seconds are over."""

    def ring(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        raise Hangs(f"longer than {seconds} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
