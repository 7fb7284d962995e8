"""Hooks on a PyTorch module that stay where they are: no copy and no file of it has them.

PyTorch keeps a module's hooks in dictionaries among its attributes. Whatever copies or pickles
the module takes them along: `copy.deepcopy`, `torch.save`, a moving average of the weights, a
process that is started. So for the time being a dictionary is replaced by a view of it, which
shows more to the module's call than to everybody else.
"""

from __future__ import annotations

import contextlib
import copy
import itertools
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

import torch
from torch import nn
from torch._C._functorch import peek_interpreter_stack
from torch.jit._trace import is_tracing

_BEFORE, _AFTER = "_forward_pre_hooks", "_forward_hooks"
_ALWAYS, _WITH_KWARGS = "_forward_hooks_always_called", "_forward_hooks_with_kwargs"
_KEYS = itertools.count(-1, -1)
"""Keys of our hooks: PyTorch's own are positive."""


class _View(OrderedDict[int, Any]):
    """A hook dictionary, and hooks of ours that only the call of the module sees.

    The module's call asks whether there are hooks (`bool`), goes through `items`, and looks keys
    up (`in`). All else (handles, copies, pickles, the compiler of TorchScript) meets the user's
    dictionary, `theirs`.
    """

    def __init__(self, theirs: OrderedDict[int, Any]):
        super().__init__()
        self.theirs = theirs
        self.ours: dict[int, Any] = {}
        self.entered = False

    def __bool__(self) -> bool:
        return bool(self.ours) or bool(self.theirs)

    def __contains__(self, key: object) -> bool:
        return key in self.ours or key in self.theirs

    def items(self) -> Any:
        return [*self.theirs.items(), *self.ours.items()]

    def __len__(self) -> int:
        return len(self.theirs)

    def __iter__(self) -> Iterator[int]:
        return iter(self.theirs)

    def __reversed__(self) -> Iterator[int]:
        return reversed(self.theirs)

    def keys(self) -> Any:
        return self.theirs.keys()

    def values(self) -> Any:
        return self.theirs.values()

    def __getitem__(self, key: int) -> Any:
        return self.theirs[key]

    def __setitem__(self, key: int, value: Any) -> None:
        self.entered = True  # A handle refers to this view now: it has to stay.
        self.theirs[key] = value

    def __delitem__(self, key: int) -> None:
        del self.theirs[key]

    def move_to_end(self, key: int, last: bool = True) -> None:
        self.theirs.move_to_end(key, last)

    def clear(self) -> None:
        self.theirs.clear()

    def __eq__(self, other: object) -> bool:
        return self.theirs == other

    __hash__ = None

    def copy(self) -> OrderedDict[int, Any]:
        return self.theirs.copy()

    def __copy__(self) -> OrderedDict[int, Any]:
        return self.theirs.copy()

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return copy.deepcopy(self.theirs, memo)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.theirs.__reduce_ex__(protocol)


class Handle:
    """One hook on one module.

    Args:
        module: whose call is seen.
        hook: as PyTorch calls it.
        dictionaries: the module's dictionaries that get an entry for it, its own first.
    """

    def __init__(self, module: nn.Module, hook: Callable[..., Any], dictionaries: tuple[str, ...]):
        self._module, self._names, self._key = module, dictionaries, next(_KEYS)
        for index, name in enumerate(dictionaries):
            _view(module, name).ours[self._key] = True if index else hook

    def remove(self) -> None:
        """Take the hook off; without effect the second time."""
        for name in self._names:
            view = self._module.__dict__.get(name)
            if not isinstance(view, _View):
                continue
            view.ours.pop(self._key, None)
            if not view.ours and not view.entered:
                self._module.__dict__[name] = view.theirs


def _view(module: nn.Module, name: str) -> _View:
    there = module.__dict__[name]
    if not isinstance(there, _View):
        there = module.__dict__[name] = _View(there)
    return there


def before_call(module: nn.Module, hook: Callable[[nn.Module, Any], None]) -> Handle:
    """Call `hook(module, args)` before the module's forward."""
    return Handle(module, hook, (_BEFORE,))


def after_call(
    module: nn.Module,
    hook: Callable[..., None],
    *,
    always: bool = False,
    with_kwargs: bool = False,
) -> Handle:
    """Call `hook(module, args, output)` after the module's forward.

    Args:
        module: whose call is seen.
        hook: returns nothing.
        always: also after an exception; `output` is then None.
        with_kwargs: `hook(module, args, kwargs, output)`.
    """
    extra = [_ALWAYS] * always + [_WITH_KWARGS] * with_kwargs
    return Handle(module, hook, (_AFTER, *extra))


_PROBING: ContextVar[object] = ContextVar("probing", default=None)


@contextlib.contextmanager
def probing(owner: object) -> Iterator[None]:
    """A pass that a watcher makes: it is nobody's training, and seen by `owner` alone."""
    token = _PROBING.set(owner)
    try:
        yield
    finally:
        _PROBING.reset(token)


def is_transformed() -> bool:
    """Whether a transformation of torch.func is at work, whose tensors have no values."""
    return peek_interpreter_stack() is not None


def is_plain_pass(owner: object = None) -> bool:
    """Whether a call here is part of a training as it runs: gradients are recorded, and nobody
    traces, compiles, exports, or transforms the function. In a watcher's own pass: whether
    `owner` is who makes it."""
    # First: a compiler that traces this hook is to see nothing else of it.
    return (
        not torch.compiler.is_compiling()
        and torch.is_grad_enabled()
        and _PROBING.get() in (None, owner)
        and not is_tracing()
        and not is_transformed()
    )
