"""The first NaN or infinity of a PyTorch training: its step, its layer, its operation.

What is not finite in a forward or backward pass is not finite in the gradient of the lowest layer
either, so one small gradient a step is asked. Once it has gone bad, and before the optimizer
carries it into the weights, the pass is made again on the inputs at hand, and every operation is
asked what came in and what went out.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from gradgauge.watchers.torch.capture import tensors_in
from gradgauge.watchers.torch.hooks import Handle, after_call, before_call, is_plain_pass, probing
from gradgauge.watchers.torch.modules import Row
from gradgauge.watchers.torch.norms import local_part
from gradgauge.watchers.torch.spread import process_count
from gradgauge.watchers.torch.state import preserved

_SMALL = 2**16
"""Most entries of the gradient that is asked at every step."""

_MOST_PASSES = 32
"""Micro-batches of one step whose inputs are remembered."""

_WRITERS = {"masked_fill", "fill", "full", "full_like", "new_full", "where", "scalar_tensor"}
"""Operations that may write an infinity because they are told to, as masks of attention are."""


class Origin(NamedTuple):
    """Where the first value that is not finite came from.

    Attributes:
        step: whose pass or update it was.
        row: the layer; None: not known.
        operation: `div`, `addmm`, `SqrtBackward0`, ...; `loss`, `input`, `update` or `gradient`
            where it was none of the model's forward pass.
    """

    step: int
    row: Row | None
    operation: str


class Sentinel:
    """Asks at every step whether all is finite, and keeps what a pass can be made again from.

    Args:
        model: not compiled, or compiled parts run eagerly.
        compiled: whether the model is: its inputs are then not kept.
    """

    def __init__(self, model: nn.Module, compiled: bool):
        self.model = model
        self._asked: nn.Parameter | None = None
        self._passes: list[tuple[nn.Module, Any, Any]] = []
        self._handles: list[Handle] = []
        if not compiled:
            self._keep_inputs_of([model])

    def _keep_inputs_of(self, modules: Sequence[nn.Module]) -> None:
        self.remove()
        self._handles = [after_call(m, self._called, with_kwargs=True) for m in modules]

    def _called(self, module: nn.Module, args: Any, kwargs: Any, _output: Any) -> None:
        if is_plain_pass() and len(self._passes) < _MOST_PASSES:
            self._passes.append((module, _detached(args), _detached(kwargs)))

    def remove(self) -> None:
        """Take the hooks off, and let go of all inputs."""
        while self._handles:
            self._handles.pop().remove()
        self._passes.clear()

    def forget(self, first: bool) -> None:
        """A step is over. If the model itself was not called in the `first` one, its parts were."""
        if first and self._handles and not self._passes:
            parts = list(self.model.children())
            lists = [p for p in parts if isinstance(p, (nn.ModuleList, nn.ModuleDict))]
            inner = [c for p in lists for c in p.children()]
            self._keep_inputs_of([p for p in parts if p not in lists] + inner)
        self._passes.clear()

    @property
    def asked(self) -> nn.Parameter | None:
        """Whose gradient is asked: of the lowest layer which has a small one."""
        if self._asked is None or self._asked.grad is None:
            self._asked = next(filter(_can_be_asked, self.model.parameters()), None)
        return self._asked

    def is_finite(self) -> bool:
        """Whether the gradient that is asked is."""
        asked = self.asked
        if asked is None or asked.grad is None:
            return True
        grad = local_part(asked.grad)
        # A sum may overflow where no summand has.
        if grad is None:
            return True
        total = grad.sum()
        if total.is_complex():
            total = torch.view_as_real(total).sum()
        return math.isfinite(float(total)) or _finite([grad])

    def locate(self, step: int, rows: Sequence[Row]) -> Origin:
        """Where it began, told before the update of `step`.

        Args:
            step: the step being made.
            rows: the layers, in the order of their calls.
        """
        broken = [row for row in rows if not _finite(row.weights)]
        if broken:
            return Origin(max(step - 1, 0), broken[-1], "update")
        if process_count() == 1:
            # With several processes a pass is not one process's own to make.
            for module, args, kwargs in self._passes:
                found = self._made_again(module, args, kwargs, rows)
                if found is not None:
                    return Origin(step, *found)
        bad = [r for r in rows if not _finite([w.grad for w in r.weights if w.grad is not None])]
        trained = [row for row in rows if any(w.grad is not None for w in row.weights)]
        operation = "loss" if len(bad) == len(trained) else "gradient"
        return Origin(step, bad[-1] if bad else None, operation)

    def _made_again(
        self, module: nn.Module, args: Any, kwargs: Any, rows: Sequence[Row]
    ) -> tuple[Row | None, str] | None:
        if not _finite(tensors_in([args, kwargs])):
            return (rows[0] if rows else None), "input"
        places = _Places(rows)
        watching = _FirstBad(places)
        with preserved(self.model), probing(self), torch.compiler.set_stance("force_eager"):
            with places.noted(), torch.enable_grad(), watching:
                output = module(*args, **kwargs)
            if watching.found is None:
                return _backward(output, places)
        return watching.found


class _Places:
    """Which layer a pass is in, and which operation gave each layer's output."""

    def __init__(self, rows: Sequence[Row]):
        self._rows = rows
        self._inside: list[Row] = []
        self._last: Row | None = None
        self.outputs: dict[Any, Row] = {}

    @contextlib.contextmanager
    def noted(self) -> Iterator[None]:
        """While a pass is made."""
        handles = []
        for row in self._rows:
            handles.append(before_call(row.module, lambda *_, row=row: self._inside.append(row)))
            handles.append(after_call(row.module, lambda _m, _a, out, r=row: self._left(r, out)))
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _left(self, row: Row, output: Any) -> None:
        self._last = self._inside.pop() if self._inside else row
        for tensor in tensors_in(output):
            if tensor.grad_fn is not None:
                self.outputs.setdefault(tensor.grad_fn, row)

    @property
    def here(self) -> Row | None:
        """The layer whose call goes on, or after which we are."""
        return self._inside[-1] if self._inside else self._last


class _FirstBad(TorchDispatchMode):
    """Finds the first operation that gives what is not finite from what is."""

    def __init__(self, places: _Places):
        super().__init__()
        self._places = places
        self.found: tuple[Row | None, str] | None = None

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        del types
        kwargs = kwargs or {}
        if self.found is not None:
            return func(*args, **kwargs)
        ins = list(tensors_in([args, kwargs]))
        clean, no_nan = _finite(ins), not _has_nan(ins)
        out = func(*args, **kwargs)
        outs = list(tensors_in(out))
        name = func.overloadpacket.__name__.strip("_")
        overflowed = clean and name not in _WRITERS and not _finite(outs)
        if overflowed or (no_nan and not name.startswith("empty") and _has_nan(outs)):
            self.found = (self._places.here, name)
        return out


def _backward(output: Any, places: _Places) -> tuple[Row | None, str] | None:
    """The first operation on the way back from any error signal at the outputs."""
    outputs = [t for t in tensors_in(output) if t.requires_grad]
    nodes, queue = set(), [t.grad_fn for t in outputs if t.grad_fn is not None]
    found: list[Any] = []
    handles = []
    while queue:
        node = queue.pop()
        if node in nodes or not node.next_functions:
            continue
        nodes.add(node)

        def hook(ins: Any, outs: Any, node: Any = node) -> None:
            if not found and _finite(tensors_in(outs)) and not _finite(tensors_in(ins)):
                found.append(node)

        handles.append(node.register_hook(hook))
        queue += [above for above, _ in node.next_functions if above is not None]
    leaves = [n.variable for n, _ in _leaves(nodes)]
    if leaves:
        ones = [torch.ones_like(t) for t in outputs]
        torch.autograd.grad(outputs, leaves, ones, allow_unused=True)
    for handle in handles:
        handle.remove()
    return (_row_below(found[0], places), found[0].name()) if found else None


def _detached(tree: Any) -> Any:
    """Inputs without the graph that gave them: its activations may go when the training is
    through with them."""
    if isinstance(tree, torch.Tensor):
        return tree.detach() if tree.requires_grad else tree
    if isinstance(tree, dict):
        return {key: _detached(value) for key, value in tree.items()}
    if type(tree) in (tuple, list):
        return type(tree)(map(_detached, tree))
    return tree


def _leaves(nodes: set[Any]) -> Iterator[tuple[Any, int]]:
    for above in {edge for node in nodes for edge in node.next_functions}:
        if above[0] is not None and hasattr(above[0], "variable"):
            yield above


def _row_below(node: Any, places: _Places) -> Row | None:
    """The layer whose output the operation works on."""
    queue, seen = [node], set()
    while queue:
        node = queue.pop(0)
        if node in places.outputs:
            return places.outputs[node]
        if node not in seen:
            seen.add(node)
            queue += [above for above, _ in node.next_functions if above is not None]
    return None


def _can_be_asked(parameter: nn.Parameter) -> bool:
    grad = parameter.grad
    return grad is not None and not grad.is_sparse and grad.numel() <= _SMALL


def _values(tensors: Any) -> Iterator[torch.Tensor]:
    for tensor in tensors:
        local = local_part(tensor)
        if local is not None and (local.is_floating_point() or local.is_complex()):
            yield local.coalesce().values() if local.is_sparse else local


def _finite(tensors: Any) -> bool:
    return all(bool(torch.isfinite(t).all()) for t in _values(tensors))


def _has_nan(tensors: Any) -> bool:
    return any(bool(torch.isnan(t).any()) for t in _values(tensors))
