"""A PyTorch module as an experiment: one of its batches, cut short, and weights that can be moved."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils import _pytree as pytree

from gradgauge.diagnosis.properties.answers import asked
from gradgauge.diagnosis.properties.beyond import rewards_beyond_targets
from gradgauge.diagnosis.properties.experiment import (
    SEED,
    Loose,
    LossCall,
    SummedAxis,
    places_to_take,
    rows_to_take,
    size_of,
)
from gradgauge.diagnosis.properties.known import Values, known_call
from gradgauge.diagnosis.trainees.torch.attention import summed_axis
from gradgauge.diagnosis.trainees.torch.data import call
from gradgauge.diagnosis.trainees.torch.facts import array
from gradgauge.diagnosis.trainees.torch.words import words_as_inputs
from gradgauge.watchers.torch.state import preserved


class TorchExperiment:
    """See Experiment.

    Args:
        model: as it is trained.
        loss: (output, target) -> scalar.
        learners: the parameters that are meant to learn, by name.
        moved: ids of all tensors that the optimizer has.
        x, y: a batch.
        stacked: whether samples are known to stand on axis 0.
    """

    model: Any
    objective: Callable[[Any, Any], Any]
    moved: Collection[int]
    learners: dict[str, Any]
    x: Any
    y: Any
    rows: int

    def __init__(
        self,
        model: nn.Module,
        loss: Callable[[Any, Any], torch.Tensor],
        learners: Mapping[str, nn.Parameter],
        moved: Collection[int],
        x: Any,
        y: Any,
        stacked: bool = True,
    ):
        self.model, self.objective, self.moved = model, loss, moved
        self.learners = dict(learners)
        self.x, self.y, self.rows = _short(model, x, y)
        self.stacked = stacked
        self._shorten()

    def _shorten(self) -> None:
        """Take the beginning of long sequences of words through a large model, if it and its loss
        bear that."""
        weights = sum(p.numel() for p in self.model.parameters())
        leaves = [t for t in pytree.tree_leaves((self.x, self.y)) if isinstance(t, torch.Tensor)]
        words = [t for t in leaves if t.ndim == 2 and not is_float(t)]
        length = max((t.shape[1] for t in words), default=0)
        take = places_to_take(length, self.rows, weights)
        if take == length or any(length in t.shape[2:] for t in leaves):
            return

        def cut(leaf: Any) -> Any:
            along = isinstance(leaf, torch.Tensor) and leaf.ndim > 1 and leaf.shape[1] == length
            return leaf[:, :take] if along else leaf

        whole = self.x, self.y
        self.x, self.y = (pytree.tree_map(cut, tree) for tree in whole)
        value = asked(self.loss)
        if value is None or not math.isfinite(value):
            self.x, self.y = whole

    @property
    def axes(self) -> tuple[int, ...]:
        """See Experiment."""
        if self.stacked:
            return (0,)
        inputs = {t.shape[1] for t in pytree.tree_leaves(self.x) if _has_axis(t, self.rows)}
        outputs = {out.shape[1] if out.ndim > 1 else 0 for out in self.outputs()}
        return (0, 1) if len(inputs) == 1 and inputs == outputs else (0,)

    @property
    def names(self) -> tuple[str, ...]:
        """See Experiment."""
        return tuple(self.learners)

    # -- passes

    @contextlib.contextmanager
    def untouched(self, evaluation: bool = False, seed: int = 0) -> Iterator[None]:
        with preserved(self.model), attributes_kept(self.model), torch.enable_grad():
            torch.manual_seed(SEED + seed)
            if evaluation:
                self.model.eval()
            yield

    def outputs(
        self,
        replaced: Collection[int] = (),
        axis: int = 0,
        order: np.ndarray | None = None,
        seed: int = 0,
    ) -> tuple[np.ndarray, ...]:
        """See Experiment."""
        x = self.exchanged(replaced, axis) if replaced else self.x
        if order is not None:
            x = self._in_order(x, order)
        with self.untouched(evaluation=True, seed=seed), torch.no_grad():
            return tuple(array(t) for t in floats(call(self.model, x)))

    def _in_order(self, tree: Any, order: np.ndarray) -> Any:
        at = torch.as_tensor(order)
        return pytree.tree_map(lambda t: t[at] if _has_rows(t, self.rows) else t, tree)

    def exchanged(self, places: Collection[int], axis: int = 0) -> Any:
        """The inputs, with those at some places of an axis exchanged for their neighbors."""
        at = list(places)

        def exchange(leaf: Any) -> Any:
            if (
                not isinstance(leaf, torch.Tensor)
                or leaf.ndim <= axis
                or leaf.shape[0] != self.rows
            ):
                return leaf
            other = leaf.clone()
            moved = other.movedim(axis, 0)
            moved[at] = leaf.roll(1, axis).movedim(axis, 0)[at]
            return other

        return pytree.tree_map(exchange, self.x)

    def row_slopes(self, row: int) -> np.ndarray | None:
        """See Experiment."""
        with self.untouched(evaluation=True), words_as_inputs(self.model) as words:
            x = pytree.tree_map(
                lambda t: t.detach().clone().requires_grad_() if is_float(t) else t, self.x
            )
            given = [t for t in pytree.tree_leaves(x) if is_float(t)]
            outputs = floats(call(self.model, x))
            value = sum((weighed(out[row]) for out in outputs), torch.zeros(()))
            asked = [t for t in (*given, *words) if t.ndim and t.shape[0] == self.rows]
            if not asked or not value.requires_grad:
                return None
            grads = torch.autograd.grad(value, asked, allow_unused=True)
        found = [g.reshape(self.rows, -1).abs().amax(dim=1) for g in grads if g is not None]
        return np.max([array(g) for g in found], axis=0) if found else None

    def slopes(self, of: str = "loss") -> tuple[float, tuple[float | None, ...]]:
        """See Experiment."""
        asked = list(self.learners.values())
        with self.untouched():
            outputs = call(self.model, self.x)
            if of == "outputs":
                value = sum((weighed(t) for t in floats(outputs)), torch.zeros(()))
            else:
                value = self.objective(outputs, self.y)
            if not value.requires_grad:
                return float(value), tuple(None for _ in asked)
            grads = torch.autograd.grad(value, asked, allow_unused=True)
        return float(value.detach()), tuple(_largest(g) for g in grads)

    def loss(self, order: np.ndarray | None = None) -> float:
        """See Experiment."""
        y = self.y if order is None else self._in_order(self.y, order)
        with self.untouched(), torch.no_grad():
            return float(self.objective(call(self.model, self.x), y))

    def ignores_outputs(self) -> bool | None:
        """See Experiment."""
        with self.untouched(), torch.no_grad():
            outputs = call(self.model, self.x)
            plain = float(self.objective(outputs, self.y))
            other = pytree.tree_map(_quite_another, outputs)
            return float(self.objective(other, self.y)) == plain

    @contextlib.contextmanager
    def shifted(
        self, seed: int, scale: float, only: Collection[int] | None = None, part: float = 1.0
    ) -> Iterator[None]:
        """See Experiment."""
        draw = torch.Generator().manual_seed(seed)
        moved = list(self.learners.values())
        moved = moved if only is None else [moved[i] for i in sorted(only)]
        kept = [p.detach().clone() for p in moved]
        try:
            with torch.no_grad():
                for p in moved:
                    noise = torch.randn(p.shape, generator=draw, dtype=torch.float32)
                    p.add_((scale * size_of(array(p)) * noise).to(p)).mul_(part)
            yield
        finally:
            with torch.no_grad():
                for p, value in zip(moved, kept, strict=True):
                    p.copy_(value)

    def calls(self) -> tuple[LossCall, ...]:
        """The known loss that the user's own is of a single output, by its values."""
        outputs = self.outputs()
        if len(outputs) != 1 or not isinstance(self.y, torch.Tensor):
            return ()
        (plain,), y = outputs, array(self.y)
        scaled = [plain * np.float32(scale) for scale in (1.0, 0.5)]
        seen: list[Values] = [(self._loss_of(given), given, y) for given in scaled]
        found = known_call(seen)
        if found is None and rewards_beyond_targets(self._loss_of, plain, y):
            found = LossCall("", plain, y, wrong="beyond_targets")
        return () if found is None else (found,)

    def _loss_of(self, outputs: np.ndarray) -> float:
        with self.untouched(), torch.no_grad():
            return float(self.objective(torch.as_tensor(outputs), self.y))

    def summed(self) -> SummedAxis | None:
        """See `summed_axis`."""

        def forward() -> None:
            with self.untouched(evaluation=True):
                call(self.model, self.x)

        return summed_axis(forward)

    # -- the graph

    def loose(self) -> tuple[Loose, ...]:
        """Tensors that take part and ask for a gradient, but are not the optimizer's."""
        with self.untouched():
            outputs = call(self.model, self.x)
            of_model = {id(t) for out in floats(outputs) for t in leaves_of(out)}
            leaves = leaves_of(self.objective(outputs, self.y))
        with self.untouched():
            # What a pass makes for itself, such as a first hidden state, is not met again.
            again = leaves_of(self.objective(call(self.model, self.x), self.y))
        lasting = {id(t) for t in again}
        data = {id(t) for t in pytree.tree_leaves((self.x, self.y))}
        own = {id(p) for p in self.model.parameters()}
        return tuple(
            Loose(tuple(t.shape), id(t) in of_model, id(t) in own)
            for t in leaves
            if id(t) in lasting and id(t) not in data and id(t) not in self.moved
        )

    def strangers(self) -> int:
        """Tensors of the optimizer that are not the model's and take no part in the loss."""
        with self.untouched():
            leaves = leaves_of(self.objective(call(self.model, self.x), self.y))
        known = {id(t) for t in leaves} | {id(p) for p in self.model.parameters()}
        return len(set(self.moved) - known)


def leaves_of(tensor: Any) -> list[torch.Tensor]:
    """The tensors at the far end of an autograd graph, each once."""
    found: dict[int, torch.Tensor] = {}
    seen: set[Any] = set()
    waiting = [getattr(tensor, "grad_fn", None)]
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        variable = getattr(node, "variable", None)
        if variable is not None:
            found[id(variable)] = variable
        waiting += [parent for parent, _ in node.next_functions]
    return list(found.values())


@contextlib.contextmanager
def attributes_kept(model: nn.Module) -> Iterator[None]:
    """Plain attributes of modules, such as a hidden state kept from call to call, are put back."""
    kept = [(m, dict(vars(m))) for m in model.modules()]
    tensors = [
        (t, t.detach().clone())
        for _, values in kept
        for t in values.values()
        if isinstance(t, torch.Tensor)
    ]
    try:
        yield
    finally:
        for module, values in kept:
            now = vars(module)
            if now.keys() != values.keys() or any(now[k] is not v for k, v in values.items()):
                now.clear()
                now.update(values)
        with torch.no_grad():
            for tensor, value in tensors:
                if tensor.shape == value.shape and not torch.equal(tensor, value):
                    tensor.copy_(value)


def floats(tree: Any) -> list[torch.Tensor]:
    """The tensors of real numbers in what a model gives, its loss left out."""
    return [t for t in pytree.tree_leaves(_plain(tree)) if is_float(t)]


def _plain(tree: Any) -> Any:
    """A package's own class of mappings as a dict, which PyTorch's trees go through."""
    if not isinstance(tree, Mapping):
        return tree
    named = {name: value for name, value in tree.items() if name != "loss"}
    return {name: _plain(value) for name, value in (named or tree).items()}


def _short(model: nn.Module, x: Any, y: Any) -> tuple[Any, Any, int]:
    """The first rows of a batch, and how many."""
    inputs = [t for t in pytree.tree_leaves(x) if isinstance(t, torch.Tensor) and t.ndim]
    targets = [t for t in pytree.tree_leaves(y) if isinstance(t, torch.Tensor) and t.ndim]
    rows = len((targets or inputs)[0]) if (targets or inputs) else 0
    weights = sum(p.numel() for p in model.parameters())
    # Words of a sentence, patches of a picture: at most so many places, each with all weights.
    positions = max(map(_positions, inputs)) if inputs and rows else 1
    sizes = {int(s) for t in (*inputs, *targets) for s in t.shape[1:]}
    sizes |= {int(s) for p in model.parameters() for s in p.shape}
    take = rows_to_take(rows, weights, positions, sizes)

    def cut(leaf: Any) -> Any:
        return leaf[:take] if _has_rows(leaf, rows) else leaf

    return pytree.tree_map(cut, x), pytree.tree_map(cut, y), take


def _positions(x: torch.Tensor) -> int:
    """Words, steps of a sequence, or the root of an image's pixels: strides leave about so many."""
    if not is_float(x):
        return x[0].numel()
    if x.ndim > 3:
        return math.isqrt(x[0, 0].numel())
    return x.shape[1] if x.ndim > 2 else 1


def _has_rows(leaf: Any, rows: int) -> bool:
    return isinstance(leaf, torch.Tensor) and leaf.ndim > 0 and leaf.shape[0] == rows


def _has_axis(leaf: Any, rows: int) -> bool:
    return _has_rows(leaf, rows) and leaf.ndim > 1


def is_float(leaf: Any) -> bool:
    """Whether it is a tensor of real numbers."""
    return isinstance(leaf, torch.Tensor) and leaf.is_floating_point()


def weighed(tensor: torch.Tensor) -> torch.Tensor:
    """A sum with random weights: a plain sum of probabilities is constant."""
    draw = torch.Generator().manual_seed(SEED)
    weights = torch.randn(tensor.shape, generator=draw, dtype=torch.float32)
    return (tensor * weights.to(tensor)).sum()


def _quite_another(leaf: Any) -> Any:
    """Other outputs of the same kind: rows and places in another order, and not of one size."""
    if not is_float(leaf) or not leaf.numel():
        return leaf
    draw = torch.Generator().manual_seed(SEED)
    factor = torch.rand(leaf.shape, generator=draw, dtype=torch.float32).to(leaf)
    # Within [0, 1] where they were: a loss of probabilities takes nothing else.
    return leaf.flip(tuple(range(leaf.ndim))) * (0.9 * factor) + 0.05 * factor


def _largest(grad: torch.Tensor | None) -> float | None:
    if grad is None:
        return None
    grad = grad.coalesce().values() if grad.is_sparse else grad
    return float(grad.detach().abs().max()) if grad.numel() else 0.0
