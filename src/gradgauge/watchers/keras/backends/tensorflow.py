"""One pass of a Keras model on TensorFlow, with gradients of everything that was marked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from gradgauge.watchers.keras.one_pass import PassResult, Tapped, prepared


def one_pass(tapped: Tapped) -> PassResult:
    """Eager: a graph would take longer to trace than most trainings' probes together."""
    weights = [tf.convert_to_tensor(v.value) for v in tapped.trainable]
    marks: list[Any] = []
    with tf.GradientTape() as tape:
        for weight in weights:
            tape.watch(weight)

        def mark(tensor: Any, apart: bool = False) -> tuple[Any, int]:
            tensor = tf.identity(tensor) if apart else tensor
            if tensor.dtype.is_floating:
                tape.watch(tensor)
            marks.append(tensor)
            return tensor, len(marks) - 1

        loss = tapped.loss(weights, mark)
    grads = tape.gradient(loss, weights + marks)
    return PassResult(
        float(loss),
        [_array(m) for m in marks],
        [_array(g) for g in grads[len(weights) :]],
        [_array(g) for g in grads[: len(weights)]],
    )


def _array(tensor: Any) -> np.ndarray | None:
    if tensor is None:
        return None
    tensor = tf.convert_to_tensor(tensor)
    if tensor.dtype in (tf.float16, tf.bfloat16):
        tensor = tf.cast(tensor, tf.float32)
    return tensor.numpy()


def prepare(tapped: Tapped) -> Callable[[], PassResult]:
    """What to call for a pass."""
    return prepared(one_pass, tapped)
