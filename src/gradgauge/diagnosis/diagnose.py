"""`gradgauge.diagnose`: which framework a model belongs to, and off it goes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Mapping
from typing import Any

from gradgauge.diagnosis.errors import CannotDiagnose
from gradgauge.diagnosis.finding import Diagnosis
from gradgauge.diagnosis.session import examine
from gradgauge.diagnosis.trainees.trainee import OnProgress, Settings, Trainee

BUDGET = 60.0
"""Seconds of training under watch, unless the user's own epochs end before."""


def diagnose(
    model: Any,
    *args: Any,
    budget: float = BUDGET,
    limits: Mapping[str, float] | None = None,
    off: Collection[str] = (),
    seeds: int = 3,
    on_progress: OnProgress | None = None,
    **options: Any,
) -> Diagnosis:
    """Train `model` under watch for a while, and say what is wrong with the training.

    Weights, optimiser, running statistics and random states are afterwards as they were, also
    after an exception. What a training step raises is the user's own exception, untouched.

    Args:
        model: one of
            a compiled Keras model: `diagnose(model, x, y, **fit_kwargs)`;
            a PyTorch module: `diagnose(module, loss, optimizer, loader, epochs=...)`;
            a JAX loss function: `diagnose(loss, params, batches, optimizer=...)`, with
            `loss(params, x, y)`, or `predict=` beside it for rules that look at outputs.
        args: see `model`.
        budget: seconds for the watched training; it ends earlier with the user's own epochs.
        limits: `rule.limit` -> value, instead of the shipped ones, such as
            `{"dead-units.share": 0.7}`.
        off: rules that are not to be asked.
        seeds: trainings in all where a fault is a matter of luck (dying units).
        on_progress: called with (steps made, steps in all).
        options: for Keras those of `fit`; for others see there.

    Returns:
        See Diagnosis: `healthy`, `findings` with the likeliest cause first, `primary`, `run`.

    Raises:
        CannotDiagnose: not compiled, no trainable weights, data that does not fit.
        UnknownName: no such limit or rule.

    Example:
        >>> result = diagnose(model, x, y, epochs=3)      # doctest: +SKIP
        >>> print(result.primary.sentence())              # doctest: +SKIP
    """
    settings = Settings(budget, max(seeds - 1, 0), on_progress)
    return examine(trainee_of(model, args, options), settings, limits, off)


def trainee_of(model: Any, args: tuple[Any, ...], options: dict[str, Any]) -> Trainee:
    """The model with all that belongs to it, in its framework's form.

    Raises:
        CannotDiagnose: nothing that is known.
    """
    if _is_of("torch", "nn.Module", model) and not _is_of("keras", "Model", model):
        from gradgauge.diagnosis.trainees.torch.trainee import pytorch_trainee

        return pytorch_trainee(model, args, options)
    if _is_of("keras", "Model", model):
        from gradgauge.diagnosis.trainees.keras.trainee import KerasTrainee

        x, y = (*args, None, None)[:2]
        return KerasTrainee(model, options.pop("x", x), options.pop("y", y), options)
    if isinstance(model, Callable):
        from gradgauge.diagnosis.trainees.jax import jax_trainee

        return jax_trainee(model, args, options)
    raise CannotDiagnose("unknown_model", kind=type(model).__name__)


def _is_of(module: str, path: str, model: Any) -> bool:
    """Whether `model` is an instance of a class of a framework that is imported already."""
    found: Any = sys.modules.get(module)
    for name in path.split("."):
        found = getattr(found, name, None)
    return isinstance(found, type) and isinstance(model, found)
