"""One pass of a Keras model on JAX, with gradients of everything that was marked."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gradgauge.watchers.keras.one_pass import PassResult, Tapped


def prepare(tapped: Tapped) -> Callable[[], PassResult]:
    """Trace twice, compile once; then every call costs one execution.

    The gradient with respect to a mark is that with respect to a perturbation of zeros, added
    to it. The first, abstract trace finds out which shapes they have.
    """
    shapes: list[tuple[tuple[int, ...], Any]] = []

    def note_shapes(weights: list[Any], other: list[Any], batch: Any) -> Any:
        shapes.clear()

        def mark(tensor: Any, apart: bool = False) -> tuple[Any, int]:
            del apart  # Adding a perturbation makes another tensor of it.
            shapes.append((tensor.shape, tensor.dtype))
            return tensor, len(shapes) - 1

        return tapped.loss(weights, mark, other, batch)

    def perturbed(weights: list[Any], zeros: list[Any], other: list[Any], batch: Any) -> Any:
        marks: list[Any] = []

        def mark(tensor: Any, apart: bool = False) -> tuple[Any, int]:
            del apart
            zero = zeros[len(marks)]
            marked = tensor if zero is None else tensor + zero
            # A tensor of its own even where nothing is added: marks are told apart by identity.
            marks.append(tensor)
            return marked, len(marks) - 1

        loss = tapped.loss(weights, mark, other, batch)
        return loss, marks

    def whole(weights: list[Any], other: list[Any], batch: Any) -> Any:
        zeros = [jnp.zeros(s, d) if jnp.issubdtype(d, jnp.floating) else None for s, d in shapes]
        both = jax.value_and_grad(perturbed, argnums=(0, 1), has_aux=True)
        return both(weights, zeros, other, batch)

    arguments = _arguments(tapped)
    jax.eval_shape(note_shapes, *arguments)
    if tapped.bounded(sum(math.prod(shape) for shape, _ in shapes)):
        arguments = _arguments(tapped)
        jax.eval_shape(note_shapes, *arguments)
    compiled = jax.jit(whole).lower(*arguments).compile()

    def run() -> PassResult:
        (loss, marks), (weights, taps) = compiled(*_arguments(tapped))
        return PassResult(
            float(loss),
            list(map(_array, marks)),
            list(map(_array, taps)),
            list(map(_array, weights)),
        )

    return run


def _arguments(tapped: Tapped) -> tuple[list[Any], list[Any], Any]:
    weights = [v.value for v in tapped.trainable]
    other = [v.value for v in tapped.non_trainable]
    return weights, other, tapped.batch


def _array(tensor: Any) -> np.ndarray | None:
    if tensor is None:
        return None
    if jnp.issubdtype(tensor.dtype, jnp.floating) and tensor.dtype.itemsize < 4:
        tensor = tensor.astype(jnp.float32)
    return np.asarray(tensor)
