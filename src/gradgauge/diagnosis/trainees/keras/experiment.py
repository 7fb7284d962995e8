"""A compiled Keras model as an experiment, on whichever backend Keras runs."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator
from typing import Any

import keras
import numpy as np

from gradgauge.diagnosis.properties.beyond import rewards_beyond_targets
from gradgauge.diagnosis.properties.experiment import SEED, LossCall, Pairing, rows_to_take, size_of
from gradgauge.diagnosis.properties.known import Values, known_call
from gradgauge.diagnosis.properties.pairing import held_against_all
from gradgauge.diagnosis.trainees.keras.facts import numpy_of
from gradgauge.watchers.keras.backends import backend_prepare
from gradgauge.watchers.keras.one_pass import PassResult, Tapped


class KerasExperiment:
    """See Experiment.

    Args:
        model: compiled and built.
        x, y: a batch, as `fit` would give it.
    """

    axes: tuple[int, ...] = (0,)
    rows: int
    x: Any
    y: Any

    def __init__(self, model: Any, x: Any, y: Any):
        self.model = model
        leaves = [np.asarray(a) for a in keras.tree.flatten(x)]
        shapes = [tuple(v.shape) for v in model.weights]
        targets = [np.asarray(a) for a in keras.tree.flatten(y) if a is not None]
        sizes = {s for a in (*leaves, *targets) for s in a.shape[1:]}
        sizes |= {int(s) for shape in shapes for s in shape}
        positions = max(_positions(a) for a in leaves)
        weights = sum(int(np.prod(shape)) for shape in shapes)
        self.rows = rows_to_take(len(leaves[0]), weights, positions, sizes)
        self.x, self.y = (
            keras.tree.map_structure(lambda a: np.asarray(a)[: self.rows], tree, none_is_leaf=False)
            for tree in (x, y)
        )
        self._of_loss = _Pass(Tapped(model, [], self.x, self.y))
        self._of_outputs = _Pass(_Outputs(model, [], self.x, self._weights_of_outputs(None)))
        self._of_rows = _Pass(_OfInputs(model, [], self.x, self._weights_of_outputs(0)))

    @property
    def names(self) -> tuple[str, ...]:
        """See Experiment."""
        return tuple(v.path for v in self.model.trainable_variables)

    def outputs(
        self,
        replaced: Collection[int] = (),
        axis: int = 0,
        order: np.ndarray | None = None,
        seed: int = 0,
    ) -> tuple[np.ndarray, ...]:
        """See Experiment: nothing is drawn that would not differ from call to call."""
        del seed
        at = sorted(replaced)

        def exchange(leaf: np.ndarray) -> np.ndarray:
            other = np.array(leaf)
            other[at] = np.roll(leaf, 1, axis)[at]
            return other if order is None else other[order]

        x = self.x
        if at or order is not None:
            x = keras.tree.map_structure(exchange, self.x)
        found = keras.tree.flatten(self.model.predict_on_batch(x))
        return tuple(np.asarray(out) for out in found if np.asarray(out).dtype.kind == "f")

    def row_slopes(self, row: int) -> np.ndarray | None:
        """See Experiment."""
        grads = self._of_rows(self.x, self._weights_of_outputs(row)).grads
        found = [np.abs(g).reshape(self.rows, -1).max(axis=1) for g in grads if g is not None]
        return np.max(found, axis=0) if found else None

    def slopes(self, of: str = "loss") -> tuple[float, tuple[float | None, ...]]:
        """See Experiment."""
        if of == "outputs":
            passed = self._of_outputs(self.x, self._weights_of_outputs(None))
        else:
            passed = self._of_loss(self.x, self.y)
        return passed.loss, tuple(map(_largest, passed.weight_grads))

    def loss(self, order: np.ndarray | None = None) -> float:
        """See Experiment."""
        y = self.y
        if order is not None:
            y = keras.tree.map_structure(lambda a: a[order], y, none_is_leaf=False)
        return self._of_loss(self.x, y).loss

    def ignores_outputs(self) -> bool | None:
        """See Experiment."""
        plain = self.model.predict_on_batch(self.x)
        draw = np.random.default_rng(SEED)

        def another(out: Any) -> Any:
            out = np.asarray(out)
            factor = draw.random(out.shape).astype(out.dtype)
            # Within [0, 1] where they were: a loss of probabilities takes nothing else.
            return np.flip(out) * (0.9 * factor) + 0.05 * factor

        other = keras.tree.map_structure(another, plain)
        return self._loss_of(plain) == self._loss_of(other)

    def _loss_of(self, outputs: Any) -> float:
        batch = Tapped(self.model, [], self.x, self.y).batch
        return float(numpy_of(loss_of(self.model, batch, tensors(outputs))))

    def mispaired(self) -> Pairing | None:
        """Whether the loss of a single output holds every output against every target."""
        if not isinstance(self.y, np.ndarray):
            return None
        outputs = self.model.predict_on_batch(self.x)
        return held_against_all(self._loss_against, np.asarray(outputs), self.y)

    def calls(self) -> tuple[LossCall, ...]:
        """The known loss that the compiled one of a single output is, by its values."""
        if not isinstance(self.y, np.ndarray):
            return ()
        y, outputs = self.y, np.asarray(self.model.predict_on_batch(self.x))
        scaled = [outputs * np.asarray(scale, outputs.dtype) for scale in (1.0, 0.5)]
        seen: list[Values] = [(self._loss_against(given, y), given, y) for given in scaled]
        found = known_call(seen)
        if found is None and rewards_beyond_targets(
            lambda given: self._loss_against(given, y), outputs, y
        ):
            found = LossCall("", outputs, y, wrong="beyond_targets")
        return () if found is None else (found,)

    def _loss_against(self, outputs: np.ndarray, targets: np.ndarray) -> float:
        batch = Tapped(self.model, [], self.x, targets).batch
        return float(numpy_of(loss_of(self.model, batch, tensors(outputs))))

    @contextlib.contextmanager
    def shifted(
        self, seed: int, scale: float, only: Collection[int] | None = None, part: float = 1.0
    ) -> Iterator[None]:
        """See Experiment."""
        draw = np.random.default_rng(seed)
        variables = list(self.model.trainable_variables)
        chosen = variables if only is None else [variables[i] for i in sorted(only)]
        kept = [numpy_of(v.value) for v in chosen]
        try:
            for variable, value in zip(chosen, kept, strict=True):
                noise = draw.standard_normal(value.shape, np.float32)
                variable.assign(part * (value + scale * size_of(value) * noise))
            yield
        finally:
            for variable, value in zip(chosen, kept, strict=True):
                variable.assign(value)

    def _weights_of_outputs(self, row: int | None) -> Any:
        """Random weights for a sum of the outputs: of one row, or of all. A plain sum of
        probabilities is constant."""
        draw = np.random.default_rng(SEED)
        shapes = self.model.compute_output_shape(_shapes(self.x))

        def weights(shape: Any) -> np.ndarray:
            found = draw.standard_normal((self.rows, *shape[1:])).astype(np.float32)
            if row is not None:
                found[np.arange(len(found)) != row] = 0
            return found

        return [weights(shape) for shape in _shapes_of(shapes)]


class _Pass:
    """A pass, compiled where the backend compiles, on batches of one shape."""

    def __init__(self, tapped: Tapped):
        self._tapped, self._run = tapped, None

    def __call__(self, x: Any, y: Any) -> PassResult:
        self._tapped.batch = type(self._tapped)(self._tapped.model, [], x, y).batch
        if self._run is None:
            self._run = backend_prepare()(self._tapped)
        return self._run()


class _Outputs(Tapped):
    """A weighted sum of the outputs in place of the loss; the weights in place of targets."""

    training = True

    def _loss(self, weights: list[Any], mark: Any, other: list[Any] | None, batch: Any) -> Any:
        other = [v.value for v in self.non_trainable] if other is None else other
        x, factors, _ = batch or self.batch
        x = self._input(x, mark)
        options = {"training": self.training} if self.model._call_has_training_arg else {}
        outputs, _ = self.model.stateless_call(weights, other, x, **options)
        total: Any = 0.0
        for out, factor in zip(keras.tree.flatten(outputs), factors, strict=True):
            total = total + keras.ops.sum(out * keras.ops.cast(factor, out.dtype))
        return total

    def _input(self, x: Any, mark: Any) -> Any:
        del mark
        return x


class _OfInputs(_Outputs):
    """The same in evaluation mode, its inputs marked."""

    training = False

    def _input(self, x: Any, mark: Any) -> Any:
        return keras.tree.map_structure(
            lambda leaf: (
                mark(leaf)[0] if "float" in keras.backend.standardize_dtype(leaf.dtype) else leaf
            ),
            x,
        )


def loss_of(model: Any, batch: Any, outputs: Any) -> Any:
    """The compiled loss of given outputs, without any trace."""
    x, y, sample_weight = batch
    loss, _ = model.stateless_compute_loss(
        [v.value for v in model.trainable_variables],
        [v.value for v in model.non_trainable_variables],
        [v.value for v in model.metrics_variables],
        x=x,
        y=y,
        y_pred=outputs,
        sample_weight=sample_weight,
        training=True,
    )
    return loss


def tensors(tree: Any) -> Any:
    """A tree of arrays as the backend's tensors."""
    return keras.tree.map_structure(keras.ops.convert_to_tensor, tree)


def _positions(x: np.ndarray) -> int:
    """Places of one sample: words, or steps of a sequence."""
    if x.dtype.kind in "iu":
        return int(np.prod(x.shape[1:]))
    return x.shape[1] if x.ndim > 2 else 1


def _shapes(tree: Any) -> Any:
    return keras.tree.map_structure(lambda a: tuple(a.shape), tree)


def _shapes_of(tree: Any) -> list[tuple[int, ...]]:
    """The shapes in a tree of shapes."""
    if isinstance(tree, tuple) and all(s is None or isinstance(s, int) for s in tree):
        return [tree]
    parts = tree.values() if isinstance(tree, dict) else tree
    return [shape for part in parts for shape in _shapes_of(part)]


def _largest(grad: np.ndarray | None) -> float | None:
    return None if grad is None else float(np.abs(grad).max(initial=0.0))
