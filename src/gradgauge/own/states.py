"""What a process keeps of randomness and modes: set for a function's call, and put back."""

from __future__ import annotations

import contextlib
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

_Restore = Callable[[], None]


@contextmanager
def kept_states() -> Iterator[None]:
    """Random states and modes of Python, NumPy and of every framework that is imported are at the
    end as they were, also after an exception."""
    restores = [keep() for keep in (_python, _numpy, _torch, _tensorflow, _keras)]
    try:
        yield
    finally:
        for restore in restores:
            restore()


def seed_all(seed: int) -> None:
    """The state of a process that begins with this seed, in all that is imported."""
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 the global state is meant
    if (torch := _imported("torch")) is not None:
        torch.manual_seed(seed)
    if (tensorflow := _imported("tensorflow")) is not None:
        tensorflow.random.set_seed(seed)
    if _imported("keras") is not None:
        from gradgauge.watchers.keras.private import start_process_state

        start_process_state(seed)


def frameworks() -> frozenset[str]:
    """Which of those that draw from a state of the process are imported."""
    return frozenset(n for n in ("torch", "tensorflow", "keras") if _imported(n) is not None)


def _imported(name: str) -> Any:
    """A framework that is imported in full."""
    module = sys.modules.get(name)
    return module if hasattr(module, "random") else None


def _python() -> _Restore:
    state = random.getstate()
    return lambda: random.setstate(state)


def _numpy() -> _Restore:
    state = np.random.get_state()  # noqa: NPY002
    return lambda: np.random.set_state(state)  # noqa: NPY002


def _torch() -> _Restore:
    torch = _imported("torch")
    if torch is None:
        return _nothing
    state, dtype, grad = torch.get_rng_state(), torch.get_default_dtype(), torch.is_grad_enabled()
    devices = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []

    def restore() -> None:
        torch.set_rng_state(state)
        torch.set_default_dtype(dtype)
        torch.set_grad_enabled(grad)
        if devices:
            torch.cuda.set_rng_state_all(devices)

    return restore


def _tensorflow() -> _Restore:
    if _imported("tensorflow") is None:
        return _nothing
    # The seed of eager operations stands nowhere but in TensorFlow's own context.
    with contextlib.suppress(ImportError, AttributeError):
        from tensorflow.python.eager import context

        eager = context.context()
        kept = {name: getattr(eager, name) for name in ("_seed", "_rng")}
        drawn = kept["_rng"].getstate() if kept["_rng"] is not None else None

        def restore() -> None:
            for name, value in kept.items():
                setattr(eager, name, value)
            if drawn is not None:
                kept["_rng"].setstate(drawn)

        return restore
    return _nothing


def _keras() -> _Restore:
    keras = _imported("keras")
    if keras is None:
        return _nothing
    from gradgauge.watchers.keras.private import process_state, set_process_state

    state, floats = process_state(), keras.config.floatx()
    names = None if state["object_name_uids"] is None else state["object_name_uids"].copy()

    def restore() -> None:
        set_process_state({**state, "object_name_uids": names})
        keras.config.set_floatx(floats)

    return restore


def _nothing() -> None:
    """There is nothing to put back."""
