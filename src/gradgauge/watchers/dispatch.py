"""`watch`: which watcher an object needs. No framework is imported that is not imported yet."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

from gradgauge.watchers.errors import CannotWatch
from gradgauge.watchers.recorder import Listener
from gradgauge.watchers.sampling import DEFAULT_SHARE

_FAMILIES: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("keras", ("keras.",), "Model"),
    ("lightning_module", ("lightning.", "pytorch_lightning."), "LightningModule"),
    ("lightning_trainer", ("lightning.", "pytorch_lightning."), "Trainer"),
    ("huggingface_trainer", ("transformers.",), "Trainer"),
    ("pytorch", ("torch.nn.",), "Module"),
)
"""Family, where its base class lives, the base class; a Keras model on PyTorch is Keras's."""


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
    """Watch somebody's own training: the gauges of every layer, without changing a bit of it.

    | `model` | what `watch` gives |
    |---|---|
    | a Keras model | a callback for `fit`: `watch(model)`, `watch(model, x, y)` |
    | a PyTorch module | a context manager, also usable without `with` (then `close` it) |
    | a LightningModule | a callback for `Trainer` |
    | a Lightning or Hugging Face `Trainer` | a callback, already added to it |
    | a JAX loss function | an object with `step`: `watch(loss, params)` |

    Args:
        model: see above.
        batch: Keras and PyTorch: a fixed probe batch (x, y); JAX: `params`, then perhaps a
            fixed probe batch, as the loss takes it.
        every: take all gauges every so many steps; None: as often as `budget` allows.
        norms_every: the same for the norms of gradients, weights and updates; None: every step
            if `every` is given, else as often as `budget` allows.
        budget: share of the training's time for measuring.
        name: what the Run calls the model.
        to: listeners: a live table, writers.
        options: `loss`, `optimizer`, `scaler` (PyTorch), `sample_weight` (Keras), `has_aux`
            (JAX).

    Returns:
        A watcher: `.run` is what has been recorded so far.

    Raises:
        CannotWatch: nothing here can be watched, or the arguments do not fit.
    """
    common = {"every": every, "norms_every": norms_every, "budget": budget, "name": name, "to": to}
    family = family_of(model)
    if family == "keras":
        return _home("keras.watcher").KerasWatcher(model, *batch, **common, **options)
    if family == "pytorch":
        return _pytorch(model, batch, {**common, **options})
    if family in ("lightning_module", "lightning_trainer"):
        callback = _home("torch.lightning").LightningWatcher(**common, **options)
        if family == "lightning_trainer":
            model.callbacks.append(callback)
        return callback
    if family == "huggingface_trainer":
        callback = _home("torch.huggingface").HuggingFaceWatcher(**common, **options)
        model.add_callback(callback)
        return callback
    if callable(model) and batch:
        return _home("jax.watcher").JaxWatcher(model, *batch, **common, **options)
    raise CannotWatch("unknown", kind=type(model).__name__)


def _pytorch(model: Any, batch: tuple[Any, ...], options: dict[str, Any]) -> Any:
    if batch and options.get("loss") is None:
        raise CannotWatch("probe_without_loss")
    return _home("torch.watcher").PyTorchWatcher(model, *batch, **options)


def family_of(thing: Any) -> str | None:
    """Whose an object is, by its base classes' names: asking `isinstance` would import them."""
    ancestors = [(f"{c.__module__}.", c.__name__) for c in type(thing).__mro__]
    for family, homes, base in _FAMILIES:
        if any(name == base and home.startswith(homes) for home, name in ancestors):
            return family
    return None


def _home(name: str) -> Any:
    return importlib.import_module(f"gradgauge.watchers.{name}")
