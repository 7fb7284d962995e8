"""What differs between Keras's backends: one file each, and which of them runs."""

from __future__ import annotations

from collections.abc import Callable

import keras

from gradgauge.watchers.errors import CannotWatch
from gradgauge.watchers.keras.one_pass import PassResult, Tapped


def backend_prepare() -> Callable[[Tapped], Callable[[], PassResult]]:
    """`prepare` of the backend that Keras runs on; the others are not imported."""
    backend = keras.config.backend()
    if backend == "tensorflow":
        from gradgauge.watchers.keras.backends import tensorflow as module
    elif backend == "jax":
        from gradgauge.watchers.keras.backends import jax as module
    elif backend == "torch":
        from gradgauge.watchers.keras.backends import torch as module
    else:
        raise CannotWatch("keras_backend", backend=backend)
    return module.prepare


def leaves_gradients() -> bool:
    """Whether a step of `fit` leaves its gradients behind: on PyTorch in `.grad`; the other
    backends' are gone with the compiled step."""
    return keras.config.backend() == "torch"
