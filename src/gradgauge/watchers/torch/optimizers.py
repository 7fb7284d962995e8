"""Around a PyTorch optimizer's step: who steps, what it moves, and what scales its gradients."""

from __future__ import annotations

import gc
import sys
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Collection
from typing import Any

import torch
from torch import nn
from torch.optim.optimizer import (
    Optimizer,
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)
from torch.utils.hooks import RemovableHandle

_FRAMES = 24
"""How far above the optimizer's step a gradient scaler's own step is looked for."""

_LOCK = threading.Lock()


class _Steady(OrderedDict[int, Any]):
    """Hooks that may be added and removed while another thread goes through them.

    PyTorch iterates over the hooks of all optimizers as every optimizer of every thread steps,
    and an OrderedDict that changes meanwhile ends that step with an exception.

    Args:
        theirs: the dictionary that stood there, to which handles refer.
    """

    def __init__(self, theirs: OrderedDict[int, Any]):
        super().__init__()
        self._theirs = theirs

    def values(self) -> Any:
        return [*self._theirs.values(), *super().values()]


def watch_steps(
    before: Callable[[Optimizer, Any, Any], Any],
    after: Callable[[Optimizer, Any, Any], None],
) -> list[RemovableHandle]:
    """Call `before` and `after` around the step of every optimizer of the process."""
    module = sys.modules[Optimizer.__module__]
    with _LOCK:
        for name in ("_global_optimizer_pre_hooks", "_global_optimizer_post_hooks"):
            there = getattr(module, name)
            if not isinstance(there, _Steady):
                setattr(module, name, _Steady(there))
    return [
        register_optimizer_step_pre_hook(before),
        register_optimizer_step_post_hook(after),
    ]


class Movers:
    """The optimizers that move parameters of a model.

    Args:
        model: the module.
        only: if given, no other optimizer counts.
    """

    any: bool

    def __init__(self, model: nn.Module, only: Optimizer | None):
        self._model, self._only = model, only
        self._known: weakref.WeakKeyDictionary[Any, tuple[set[int], frozenset[int]]] = (
            weakref.WeakKeyDictionary()
        )
        self._parameters: list[nn.Parameter] = []
        self.any, self._explained = only is not None, False

    def moved_by(self, optimizer: Optimizer) -> frozenset[int]:
        """Ids of the parameters of the model that `optimizer` moves; empty: it does not count."""
        all_of_it = parameters_of(optimizer)
        known = self._known.get(optimizer)
        if known is not None and known[0] == all_of_it:
            return known[1]
        self._parameters = list(self._model.parameters())
        moved: frozenset[int] = frozenset()
        if self._only is None or optimizer is self._only:
            moved = frozenset(all_of_it & {id(p) for p in self._parameters})
        self._known[optimizer] = (all_of_it, moved)
        self.any = self.any or bool(moved)
        return moved

    def explain_move(self) -> bool:
        """Whether weights that changed between two passes are no update by hand: an optimizer moves
        them; or, once, one exists and has not stepped yet, for a sharpness-aware training moves
        weights before its step, and back."""
        if self.any or self._explained:
            return self.any
        self._explained = True
        own = {id(p) for p in self._model.parameters()}
        there = (o for o in gc.get_objects() if issubclass(type(o), Optimizer))
        return any(parameters_of(o) & own for o in there if hasattr(o, "param_groups"))

    def waiting(self, moved: Collection[int]) -> bool:
        """Whether there is a gradient of a parameter that is not among those `moved`."""
        return (
            self._only is None
            and len(moved) < len(self._parameters)
            and any(p.grad is not None and id(p) not in moved for p in self._parameters)
        )

    def idle(self, moved: Collection[int]) -> set[int]:
        """Ids of the parameters that only other optimizers move than those that have `moved`."""
        return {i for _, ids in self._known.values() for i in ids} - set(moved)


def parameters_of(optimizer: Optimizer) -> set[int]:
    """Ids of the parameters that an optimizer moves."""
    return {id(p) for group in optimizer.param_groups for p in group["params"]}


def backward_pass() -> int | None:
    """The number of the backward pass that is running here; None: none is."""
    number = torch._C._current_graph_task_id()
    return None if number < 0 else number


def after_backward(function: Callable[[], None]) -> None:
    """Call `function` at the end of the backward pass that is running, after all that others
    do there: the reduction over processes writes its gradients in such a callback, too."""
    queue = torch.autograd.Variable._execution_engine.queue_callback
    queue(lambda: queue(lambda: queue(function)))


def scaler_above() -> Any:
    """The gradient scaler in whose `step` we are, or None.

    A scaler is nowhere registered, and without its scale every figure of the backward pass
    would be wrong by a factor that nobody sees. It calls the optimizer, so it stands above.
    Only its own frame's variables are asked for: asking a frame keeps all of them alive.
    """
    frame: Any = sys._getframe(1)
    for _ in range(_FRAMES):
        frame = frame.f_back
        if frame is None:
            return None
        code = frame.f_code
        if code.co_name == "step" and "grad_scaler" in code.co_filename:
            return frame.f_locals.get("self")
    return None


def with_closure(
    args: tuple[Any, ...], kwargs: dict[str, Any], after: Callable[[Any], None]
) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
    """The arguments of `step`, with a closure that tells its results; None: it has no closure."""
    closure = kwargs.get("closure") or (args[1] if len(args) > 1 else None)
    if closure is None:
        return None

    def told() -> Any:
        result = closure()
        after(result)
        return result

    if len(args) > 1:
        return (args[0], told, *args[2:]), kwargs
    return args, {**kwargs, "closure": told}
