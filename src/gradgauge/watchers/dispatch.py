"""`watch`: which watcher an object needs. No framework is imported that is not imported yet."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

from gradgauge.listening import Listener
from gradgauge.models import (
    HuggingFaceTrainer,
    KerasModel,
    LightningModule,
    LightningTrainer,
    PyTorchModule,
)
from gradgauge.spec.checks import known_options, options_of
from gradgauge.watchers.errors import CannotWatch
from gradgauge.watchers.sampling import DEFAULT_SHARE

if TYPE_CHECKING:
    from gradgauge.watchers.jax.watcher import JaxWatcher
    from gradgauge.watchers.keras.watcher import KerasWatcher
    from gradgauge.watchers.torch.huggingface import HuggingFaceWatcher
    from gradgauge.watchers.torch.lightning import LightningWatcher
    from gradgauge.watchers.torch.watcher import PyTorchWatcher

_FAMILIES: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("keras", ("keras.",), "Model"),
    ("lightning_module", ("lightning.", "pytorch_lightning."), "LightningModule"),
    ("lightning_trainer", ("lightning.", "pytorch_lightning."), "Trainer"),
    ("huggingface_trainer", ("transformers.",), "Trainer"),
    ("pytorch", ("torch.nn.",), "Module"),
)
"""Family, where its base class lives, the base class; a Keras model on PyTorch is Keras's."""


@overload
def watch(
    model: KerasModel,
    x: Any = None,
    y: Any = None,
    sample_weight: Any = None,
    *,
    every: int | None = None,
    norms_every: int | None = None,
    budget: float = DEFAULT_SHARE,
    stop_on_nan: bool = False,
    name: str | None = None,
    to: Sequence[Listener] = (),
) -> KerasWatcher: ...
@overload
def watch(  # pyright: ignore[reportOverlappingOverload]  a LightningModule is a module, too
    model: LightningModule,
    *,
    optimizer: Any = None,
    scaler: Any = None,
    biases: bool = False,
    every: int | None = None,
    norms_every: int | None = None,
    budget: float = DEFAULT_SHARE,
    stop_on_nan: bool = False,
    name: str | None = None,
    to: Sequence[Listener] = (),
) -> LightningWatcher: ...
@overload
def watch(
    model: PyTorchModule,
    x: Any = None,
    y: Any = None,
    *,
    loss: Callable[[Any, Any], Any] | None = None,
    optimizer: Any = None,
    scaler: Any = None,
    biases: bool = False,
    every: int | None = None,
    norms_every: int | None = None,
    budget: float = DEFAULT_SHARE,
    stop_on_nan: bool = False,
    name: str | None = None,
    to: Sequence[Listener] = (),
) -> PyTorchWatcher: ...
@overload
def watch(
    model: LightningTrainer,
    *,
    optimizer: Any = None,
    scaler: Any = None,
    biases: bool = False,
    every: int | None = None,
    norms_every: int | None = None,
    budget: float = DEFAULT_SHARE,
    stop_on_nan: bool = False,
    name: str | None = None,
    to: Sequence[Listener] = (),
) -> LightningWatcher: ...
@overload
def watch(
    model: HuggingFaceTrainer,
    *,
    optimizer: Any = None,
    scaler: Any = None,
    biases: bool = False,
    every: int | None = None,
    norms_every: int | None = None,
    budget: float = DEFAULT_SHARE,
    stop_on_nan: bool = False,
    name: str | None = None,
    to: Sequence[Listener] = (),
) -> HuggingFaceWatcher: ...
@overload
def watch(
    model: Callable[..., Any],
    params: Any,
    *batch: Any,
    has_aux: bool = False,
    every: int | None = None,
    norms_every: int | None = None,
    budget: float = DEFAULT_SHARE,
    stop_on_nan: bool = False,
    name: str | None = None,
    to: Sequence[Listener] = (),
) -> JaxWatcher: ...
def watch(
    model: Any,
    *batch: Any,
    every: int | None = None,
    norms_every: int | None = None,
    budget: float = DEFAULT_SHARE,
    name: str | None = None,
    to: Sequence[Listener] = (),
    **options: Any,
) -> Any:
    """Watch your own training: measure the gauges of every layer without changing the training.

    | `model` | what `watch` returns |
    |---|---|
    | a Keras model | a callback for `fit`: `watch(model)`, `watch(model, x, y)` |
    | a PyTorch module | a context manager; without `with`, call `close` at the end |
    | a LightningModule | a callback for `Trainer` |
    | a Lightning or Hugging Face `Trainer` | a callback that has already been added to it |
    | a JAX loss function | an object with `step`: `watch(loss, params)` |

    Args:
        model: see above.
        batch: Keras and PyTorch: a fixed probe batch (x, y); JAX: `params`, optionally followed by
            a fixed probe batch, as the loss expects it.
        every: measure all gauges every so many steps; None: as often as `budget` allows.
        norms_every: the same for the norms of gradients, weights and updates; None: every step
            if `every` is given, otherwise as often as `budget` allows.
        budget: fraction of the training time that measuring may take.
        name: name of the model in the Run.
        to: listeners, such as a live table or writers.
        options: `stop_on_nan`; `loss`, `optimizer`, `scaler`, `biases` (PyTorch), `sample_weight` (Keras),
            `has_aux` (JAX).

    Returns:
        A Watcher; its `.run` contains what has been recorded so far.

    Raises:
        CannotWatch: the model cannot be watched, or the arguments do not fit.
        UnknownName: an unknown option, or one of another framework.

    Example:
        >>> import gradgauge as gg
        >>> import torch
        >>> from torch.nn import Linear, Tanh
        >>> model = torch.nn.Sequential(Linear(6, 8), Tanh(), Linear(8, 8), Tanh(), Linear(8, 3))
        >>> optimizer = torch.optim.SGD(model.parameters(), 0.1)
        >>> x, y = torch.randn(32, 6), torch.arange(32) % 3
        >>> with gg.watch(model) as watcher:
        ...     for _ in range(4):
        ...         optimizer.zero_grad()
        ...         torch.nn.functional.cross_entropy(model(x), y).backward()
        ...         optimizer.step()
        >>> [layer.activation for layer in watcher.run.layers]
        ['tanh', 'tanh', 'linear']
    """
    given = {
        "every": every,
        "norms_every": norms_every,
        "budget": budget,
        "name": name,
        "to": to,
        **options,
    }
    family = family_of(model)
    if family == "keras":
        return _checked(_home("keras.watcher").KerasWatcher, given)(model, *batch, **given)
    if family == "pytorch":
        has_batch, has_loss = bool(batch) or "x" in given, given.get("loss") is not None
        if has_batch != has_loss:
            raise CannotWatch("probe_without_loss" if has_batch else "loss_without_probe")
        return _checked(_home("torch.watcher").PyTorchWatcher, given)(model, *batch, **given)
    if family in ("lightning_module", "lightning_trainer"):
        _checked(_home("torch.watcher").PyTorchWatcher, given)
        callback = _home("torch.lightning").LightningWatcher(**given)
        if family == "lightning_trainer":
            model.callbacks.append(callback)
        return callback
    if family == "huggingface_trainer":
        _checked(_home("torch.watcher").PyTorchWatcher, given)
        callback = _home("torch.huggingface").HuggingFaceWatcher(**given)
        model.add_callback(callback)
        return callback
    if callable(model) and (batch or "params" in given):
        return _checked(_home("jax.watcher").JaxWatcher, given)(model, *batch, **given)
    raise CannotWatch("unknown", kind=type(model).__name__)


def _checked(watcher: Any, options: Mapping[str, Any]) -> Any:
    """The watcher's class, if it takes these options beside its model."""
    known_options(options, (name for name in options_of(watcher)[1:] if name != "framework"))
    return watcher


def family_of(thing: Any) -> str | None:
    """Whose an object is, by its base classes' names: asking `isinstance` would import them."""
    ancestors = [(f"{c.__module__}.", c.__name__) for c in type(thing).__mro__]
    for family, homes, base in _FAMILIES:
        if any(name == base and home.startswith(homes) for home, name in ancestors):
            return family
    return None


def _home(name: str) -> Any:
    return importlib.import_module(f"gradgauge.watchers.{name}")
