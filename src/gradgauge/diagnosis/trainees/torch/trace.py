"""A PyTorch loss followed call by call: what meets what, and which known losses it calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree

from gradgauge.diagnosis.facts import IGNORED
from gradgauge.diagnosis.properties.experiment import LossCall, Pairing
from gradgauge.diagnosis.properties.pairing import axes_met, shape_of
from gradgauge.diagnosis.trainees.torch.data import call
from gradgauge.diagnosis.trainees.torch.experiment import TorchExperiment, floats
from gradgauge.diagnosis.trainees.torch.facts import array, output_activation
from gradgauge.diagnosis.trainees.torch.misused import class_numbers, of_classes

_PLAIN = [
    "add",
    "sub",
    "subtract",
    "rsub",
    "mul",
    "multiply",
    "div",
    "divide",
    "true_divide",
    "pow",
    "float_power",
    "maximum",
    "minimum",
    "fmax",
    "fmin",
    "atan2",
    "hypot",
    "xlogy",
    "logaddexp",
    "where",
    "lerp",
    "squared_difference",
    "dist",
]
_METHODS = [
    "add",
    "radd",
    "sub",
    "rsub",
    "mul",
    "rmul",
    "truediv",
    "rtruediv",
    "div",
    "rdiv",
    "pow",
    "rpow",
    "iadd",
    "isub",
    "imul",
]
_LOSSES = [
    "mse_loss",
    "l1_loss",
    "smooth_l1_loss",
    "huber_loss",
    "kl_div",
    "poisson_nll_loss",
    "soft_margin_loss",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
]
_ELEMENTWISE = {*_PLAIN, *(f"{n}_" for n in _PLAIN), *(f"__{n}__" for n in _METHODS), *_LOSSES}

_INSERTING = {
    "unsqueeze",
    "__getitem__",
    "view",
    "reshape",
    "expand",
    "expand_as",
    "repeat",
    "tile",
    "broadcast_to",
    "view_as",
    "unflatten",
    "t",
    "T",
    "transpose",
    "permute",
    "swapaxes",
    "movedim",
    "mT",
    "meshgrid",
    "stack",
    "outer",
}


_FOLLOWED = (
    "cross_entropy",
    "nll_loss",
    "ctc_loss",
    "kl_div",
    "poisson_nll_loss",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "soft_margin_loss",
    "hinge_embedding_loss",
    "margin_ranking_loss",
    "cosine_embedding_loss",
)
"""Losses that take something definite."""
_OF_PAIRS = ("margin_ranking_loss", "cosine_embedding_loss")
"""Losses that take two inputs before the target."""


@dataclass(frozen=True)
class _Origin:
    """What a tensor has come from: `outputs`, `targets`; and whether axes were put in on the way."""

    of: frozenset[str]
    inserted: bool = False


@dataclass(frozen=True)
class Followed:
    """What was seen in a loss.

    Attributes:
        met: elementwise operations in which the batch axis met another axis.
        by_intent: whether rows of one kind are compared with each other, in pairs.
        calls: losses of PyTorch's own.
    """

    met: tuple[Pairing, ...]
    by_intent: bool
    calls: tuple[LossCall, ...]


class _Follower(TorchFunctionMode):
    """Sees every call of a PyTorch function; results keep the origin of their arguments."""

    def __init__(self, outputs: Any, targets: Any, rows: int):
        super().__init__()
        self.rows, self.met, self.by_intent = rows, list[Pairing](), False
        self.calls: list[LossCall] = []
        self._outputs = [t for t in pytree.tree_leaves(outputs) if isinstance(t, torch.Tensor)]
        self._targets = [t for t in pytree.tree_leaves(targets) if isinstance(t, torch.Tensor)]
        self._origins: dict[int, _Origin] = {}
        # An id is a tensor's as long as the tensor lives.
        self._alive: list[torch.Tensor] = []
        for tree, name in ((outputs, "outputs"), (targets, "targets")):
            for leaf in pytree.tree_leaves(tree):
                self._note(leaf, _Origin(frozenset({name})))

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        name = _name(func)
        given = [t for t in pytree.tree_leaves((args, kwargs)) if isinstance(t, torch.Tensor)]
        known = [(t, self._origins[id(t)]) for t in given if id(t) in self._origins]
        if name in _ELEMENTWISE and len(given) > 1:
            self._look(name, known)
            self._misused(class_numbers(name, self._sides(known), self._targets))
        if name in _FOLLOWED and len(given) > 1:
            self._loss(name, args, kwargs)
        result = func(*args, **kwargs)
        if known:
            self._follow(name, args, given, known, result)
        return result

    def _follow(self, name: str, args: Any, given: Any, known: Any, result: Any) -> None:
        of = frozenset().union(*(origin.of for _, origin in known))
        inserted = any(origin.inserted for _, origin in known)
        for leaf in pytree.tree_leaves(result):
            if isinstance(leaf, torch.Tensor):
                put_in = name in _INSERTING and _puts_in(name, args, given[0], leaf)
                self._note(leaf, _Origin(of, inserted or put_in))

    def _note(self, leaf: Any, origin: _Origin) -> None:
        if isinstance(leaf, torch.Tensor):
            self._origins[id(leaf)] = origin
            self._alive.append(leaf)

    def _look(self, name: str, known: list[tuple[torch.Tensor, _Origin]]) -> None:
        for i, (a, of_a) in enumerate(known):
            for b, of_b in known[i + 1 :]:
                places = axes_met(a.shape, b.shape, self.rows)
                if places is None:
                    continue
                if of_a.of == of_b.of or (of_a.inserted and of_b.inserted):
                    self.by_intent = True
                    continue
                outputs, targets = (a, b) if "outputs" in of_a.of else (b, a)
                shapes = (shape_of(t.shape, self.rows) for t in (outputs, targets))
                inserted = of_a.inserted or of_b.inserted
                self.met.append(Pairing(name, *shapes, inserted=inserted))

    def _sides(self, known: list[tuple[torch.Tensor, _Origin]]) -> tuple[Any, Any]:
        """What has come from the outputs alone, and from the targets alone."""
        of = {next(iter(o.of)): t for t, o in known if len(o.of) == 1}
        return of.get("outputs"), of.get("targets")

    def _misused(self, found: LossCall | None) -> None:
        if found is not None and not any(c.wrong == found.wrong for c in self.calls):
            self.calls.append(found)

    def _loss(self, name: str, args: Any, kwargs: Any) -> None:
        both = list(args[0:3:2] if name in _OF_PAIRS else args[:2])
        both += [kwargs[k] for k in ("input", "input1", "target") if k in kwargs]
        if len(both) < 2 or not all(isinstance(t, torch.Tensor) for t in both[:2]):
            return
        given, target = both[:2]
        if id(given) not in self._origins or "outputs" not in self._origins[id(given)].of:
            return
        with torch._C.DisableTorchFunction():
            logs = bool(kwargs.get("log_target", False))
            if name == "poisson_nll_loss":
                logs = bool(args[2] if len(args) > 2 else kwargs.get("log_input", True))
            activation = output_activation(given)
            wrong = of_classes(name, given, target, self._outputs)
            if wrong:
                self._misused(LossCall(name, array(given), array(target), wrong=wrong))
            if name in ("cross_entropy", "nll_loss"):
                given, target = _classes_last(given, target, kwargs.get("ignore_index", IGNORED))
            if given.numel():
                self.calls.append(LossCall(name, array(given), array(target), activation, logs))


def _classes_last(
    given: torch.Tensor, target: torch.Tensor, ignored: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """PyTorch's classes stand on axis 1; places whose label is to be passed over are left out."""
    if given.ndim > 1:
        given = given.movedim(1, -1)
    if target.is_floating_point():
        return given, target.movedim(1, -1) if target.ndim > 1 else target
    given, target = given.reshape(-1, given.shape[-1]), target.reshape(-1)
    return given[target != ignored], target[target != ignored]


def _puts_in(name: str, args: Any, before: torch.Tensor, after: torch.Tensor) -> bool:
    """Whether an operation of shape gave the tensor an axis that it did not have, or turned it."""
    if name in ("t", "T", "transpose", "permute", "swapaxes", "movedim", "mT"):
        return before.ndim > 1 and 1 in before.shape
    if name == "__getitem__":
        index = args[1] if isinstance(args[1], tuple) else (args[1],)
        return any(i is None for i in index)
    return after.ndim > before.ndim or (after.ndim > 1 and after.numel() > before.numel())


def _name(func: Any) -> str:
    name = getattr(func, "__name__", "")
    if name == "__get__":
        return getattr(getattr(func, "__self__", None), "__name__", "")
    return name


def follow(experiment: TorchExperiment) -> Followed:
    """Call the loss on the outputs of the experiment's batch, and look at every operation."""
    with experiment.untouched():
        outputs = call(experiment.model, experiment.x)
        with _Follower(floats(outputs), experiment.y, experiment.rows) as follower:
            experiment.objective(outputs, experiment.y)
    return Followed(tuple(follower.met), follower.by_intent, tuple(follower.calls))
