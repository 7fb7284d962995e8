"""What a function of the user's returned: a network with all that trains it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from gradgauge.own.errors import OwnProblem

KERAS, PYTORCH, JAX = "keras", "pytorch", "jax"

_FIELDS = {
    "model": ("model", "module", "network", "net"),
    "params": ("params", "parameters"),
    "loss": ("loss", "loss_fn", "criterion"),
    "optimizer": ("optimizer", "optim", "opt"),
    "predict": ("predict", "apply"),
    "learning_rate": ("learning_rate", "lr"),
    "scheduler": ("stepping",),
}
"""Field -> the names that people give it."""


class Scheduler(Protocol):
    """A PyTorch scheduler that knows when it steps."""

    @property
    def scheduler(self) -> Any:
        """PyTorch's."""
        ...

    def after(self, step: int, batches: int, loss: float) -> None:
        """Step where it would, after step number `step` of a training of so many an epoch."""
        ...


@dataclass
class Made:
    """A network, its loss and its optimizer.

    Attributes:
        framework: `keras`, `pytorch` or `jax`.
        model: a compiled Keras model or a PyTorch module; of JAX the parameters.
        loss: (outputs, targets) -> scalar; of JAX (params, x, y) -> scalar; of Keras what it was
            compiled with.
        optimizer: of PyTorch an optimizer; of JAX anything with `init` and `update`, or None for
            plain gradient steps; of Keras the model's own.
        predict: of JAX (params, x) -> outputs, or None.
        learning_rate: of JAX's plain gradient steps.
        rate_factor: of JAX, what every update is multiplied by.
        before_step, after_step: of PyTorch, what is called before and after each update.
        programs: of JAX, those that other trainings of the same network have compiled
            (`loops.jax_programs.Programs`); None: it compiles its own.
        scheduler: of PyTorch, what changes the rate; None: nothing does.
    """

    framework: str
    model: Any
    loss: Any = None
    optimizer: Any = None
    predict: Callable[..., Any] | None = None
    learning_rate: float | None = None
    rate_factor: float = 1.0
    before_step: tuple[Callable[[], Any], ...] = ()
    after_step: tuple[Callable[[], Any], ...] = ()
    programs: Any = None
    scheduler: Scheduler | None = None


Compile = Callable[[Any], bool]
"""Compiles a Keras model that is not compiled; whether it could."""


def made_of(returned: Any, name: str, compile_: Compile | None = None) -> Made:
    """Sort out what a function returned.

    Args:
        returned: a compiled Keras model; a PyTorch module with loss and optimizer; a JAX loss with
            parameters, and, if there are, `predict` and an optax optimizer: a tuple, a mapping, or
            an object with fields of these names.
        name: the function's, for messages.
        compile_: for a Keras model that is not compiled; None: it is refused.

    Raises:
        OwnProblem: it is none of them, or something is missing.
    """
    if is_keras(returned):
        return _keras(returned, name, compile_)
    parts = _parts(returned)
    if isinstance(parts, dict):
        return _of_fields(parts, name, compile_)
    models = [part for part in parts if is_keras(part)]
    if len(models) == 1 and len(parts) == 1:
        return _keras(models[0], name, compile_)
    if any(is_module(part) for part in parts) and not models:
        return _of_pytorch_parts(parts, name)
    if len(parts) > 1 and callable(parts[0]) and not models:
        return _of_jax_parts(parts, name)
    kinds = ", ".join(type(part).__name__ for part in parts) or "nothing"
    raise OwnProblem("unknown_kind", name=name, kind=kinds)


def _parts(returned: Any) -> dict[str, Any] | list[Any]:
    """Named fields, or parts in a row."""
    if isinstance(returned, Mapping):
        return dict(returned)
    fields = getattr(returned, "_fields", None)
    if fields is not None and isinstance(returned, tuple):
        return dict(zip(fields, returned, strict=True))
    if isinstance(returned, (tuple, list)):
        return list(returned)
    if is_module(returned) or returned is None or callable(returned):
        return [] if returned is None else [returned]
    named = {
        spelling: getattr(returned, spelling)
        for spellings in _FIELDS.values()
        for spelling in spellings
        if hasattr(returned, spelling)
    }
    return named or [returned]


def _of_fields(parts: dict[str, Any], name: str, compile_: Compile | None) -> Made:
    found = {}
    for field, spellings in _FIELDS.items():
        given = [parts[spelling] for spelling in spellings if parts.get(spelling) is not None]
        if given:
            found[field] = given[0]
    if is_keras(found.get("model")):
        return _keras(found["model"], name, compile_)
    if is_module(found.get("model")):
        made = _pytorch(found["model"], found.get("loss"), found.get("optimizer"), name)
        made.scheduler = found.get("scheduler")
        return made
    params = found.get("params", found.get("model"))
    if params is None or not callable(found.get("loss")):
        raise OwnProblem("unknown_kind", name=name, kind=", ".join(parts) or "nothing")
    rate = found.get("learning_rate")
    return Made(JAX, params, found["loss"], found.get("optimizer"), found.get("predict"), rate)


def _of_pytorch_parts(parts: list[Any], name: str) -> Made:
    optimizers = [part for part in parts if _is_of("torch", "optim.Optimizer", part)]
    others = [part for part in parts if part not in optimizers]
    model = next(part for part in others if is_module(part))
    losses = [part for part in others if part is not model]
    if len(losses) > 1 or len(optimizers) > 1 or not all(map(callable, losses)):
        kinds = ", ".join(type(part).__name__ for part in parts)
        raise OwnProblem("unknown_kind", name=name, kind=kinds)
    loss = losses[0] if losses else None
    return _pytorch(model, loss, optimizers[0] if optimizers else None, name)


def _of_jax_parts(parts: list[Any], name: str) -> Made:
    loss, params, *rest = parts
    optimizer = next((part for part in rest if _is_optax(part)), None)
    predicts = [part for part in rest if part is not optimizer]
    if len(predicts) > 1 or not all(map(callable, predicts)):
        kinds = ", ".join(type(part).__name__ for part in parts)
        raise OwnProblem("unknown_kind", name=name, kind=kinds)
    return Made(JAX, params, loss, optimizer, predicts[0] if predicts else None)


def _is_optax(part: Any) -> bool:
    return hasattr(part, "init") and hasattr(part, "update")


def _keras(model: Any, name: str, compile_: Compile | None) -> Made:
    compiled = getattr(model, "compiled", False) and model.optimizer is not None
    if not compiled and (compile_ is None or not compile_(model)):
        raise OwnProblem("not_compiled", name=name)
    return Made(KERAS, model, getattr(model, "loss", None), model.optimizer)


def _pytorch(model: Any, loss: Any, optimizer: Any, name: str) -> Made:
    for what, part in (("loss", loss), ("optimizer", optimizer)):
        if part is None:
            raise OwnProblem("pytorch_needs", name=name, what=what)
    return Made(PYTORCH, model, loss, optimizer)


def is_keras(thing: Any) -> bool:
    """Whether it is a Keras model; Keras is not imported for it."""
    return _is_of("keras", "Model", thing)


def is_module(thing: Any) -> bool:
    """Whether it is a PyTorch module, and no Keras model; PyTorch is not imported for it."""
    return _is_of("torch", "nn.Module", thing) and not is_keras(thing)


def _is_of(module: str, path: str, thing: Any) -> bool:
    """Whether `thing` is an instance of a class of a framework that is imported already."""
    found: Any = sys.modules.get(module)
    for name in path.split("."):
        found = getattr(found, name, None)
    return isinstance(found, type) and isinstance(thing, found)
