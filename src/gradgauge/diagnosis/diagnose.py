"""`gradgauge.diagnose`: which framework a model belongs to, and off it goes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Mapping
from typing import Any, overload

from gradgauge.diagnosis.budget import read_budget
from gradgauge.diagnosis.errors import CannotDiagnose
from gradgauge.diagnosis.finding import Diagnosis
from gradgauge.diagnosis.recorded import diagnose_run
from gradgauge.diagnosis.session import examine
from gradgauge.diagnosis.trainees.trainee import Settings, Trainee
from gradgauge.listening import OnProgress
from gradgauge.models import KerasModel, PyTorchModule
from gradgauge.run import Run
from gradgauge.spec.checks import known_options, options_of
from gradgauge.watchers.dispatch import family_of


@overload
def diagnose(
    model: Run,
    *,
    limits: Mapping[str, float] | None = None,
    off: Collection[str] = (),
) -> Diagnosis: ...
@overload
def diagnose(
    model: KerasModel,
    x: Any = None,
    y: Any = None,
    *,
    budget: float | str | None = None,
    limits: Mapping[str, float] | None = None,
    off: Collection[str] = (),
    seeds: int = 3,
    on_progress: OnProgress | None = None,
    batch_size: int | None = None,
    epochs: int = 1,
    **fit_kwargs: Any,
) -> Diagnosis: ...
@overload
def diagnose(
    model: PyTorchModule,
    *loss_optimizer_and_data: Any,
    budget: float | str | None = None,
    limits: Mapping[str, float] | None = None,
    off: Collection[str] = (),
    seeds: int = 3,
    on_progress: OnProgress | None = None,
    loss: Callable[..., Any] | None = None,
    optimizer: Any = None,
    loader: Any = None,
    scheduler: Any = None,
    x: Any = None,
    y: Any = None,
    batch_size: int | None = None,
    epochs: int | None = None,
) -> Diagnosis: ...
@overload
def diagnose(
    model: Callable[..., Any],
    params: Any = None,
    x: Any = None,
    y: Any = None,
    *,
    budget: float | str | None = None,
    limits: Mapping[str, float] | None = None,
    off: Collection[str] = (),
    seeds: int = 3,
    on_progress: OnProgress | None = None,
    optimizer: Any = None,
    learning_rate: float | None = None,
    batch_size: int | None = None,
    epochs: int | None = None,
    seed: int | None = None,
    predict: Callable[..., Any] | None = None,
    kind: str | None = None,
) -> Diagnosis: ...
def diagnose(
    model: Any,
    *args: Any,
    budget: float | str | None = None,
    limits: Mapping[str, float] | None = None,
    off: Collection[str] = (),
    seeds: int = 3,
    on_progress: OnProgress | None = None,
    **options: Any,
) -> Diagnosis:
    """Train `model` for a while under observation, and report what is wrong with the training.

    Weights, optimizer, running statistics and random states are restored, even after an exception.
    An exception raised by a training step is passed on unchanged unless a finding explains it.

    Args:
        model: one of
            a compiled Keras model: `diagnose(model, x, y, **fit_kwargs)`;
            a PyTorch module: `diagnose(module, loss, optimizer, loader, epochs=...)`. The loss can
            be omitted if batches are mappings and the model computes it (`outputs.loss`).
            `scheduler=` is a scheduler or `{"scheduler": s, "interval": "step"}`;
            a Hugging Face Trainer; a LightningModule and a loader or data module:
            `diagnose(trainer)`, `diagnose(module, loader)`;
            a JAX loss function: `diagnose(loss, params, batches, optimizer=...)`, with
            `loss(params, x, y)`; rules about outputs also need `predict=`;
            a Run recorded by a watcher: only rules that work on a recording are checked, and
            nothing is trained; of several seeds, the first is used.
        args: see `model`.
        budget: total number of training runs of the given length, including the watched one,
            such as 12 (None: 8), or a time limit such as "90s"; what a limit cuts off is reported.
            The length is given by `epochs`, with fewer steps for large models (docs/diagnosis.md).
        limits: `rule.limit` -> value, overrides limits, such as `{"dead-units.share": 0.7}`.
        off: rules to switch off.
        seeds: number of training runs if a fault may be due to chance (dying units).
        on_progress: called with (steps done, total steps).
        options: for Keras, those of `fit`; for other frameworks, see `model`.

    Returns:
        A Diagnosis: `healthy`, `findings` (most likely cause first), `primary`, `run`.

    Raises:
        CannotDiagnose: the model is not compiled, has no trainable weights, or the data does not
            fit.
        UnknownName: an unknown limit, rule or option.
        InvalidValue: an invalid budget.

    Example:
        >>> import gradgauge as gg
        >>> import torch
        >>> data = gg.load_dataset("blobs")
        >>> x, y = torch.tensor(data.x_train).float(), torch.tensor(data.y_train).long()
        >>> batches = list(zip(x.split(100), y.split(100)))
        >>> hidden, out = torch.nn.Linear(20, 16), torch.nn.Linear(16, 10)
        >>> hidden.weight.data.zero_(), hidden.bias.data.zero_()  # doctest: +ELLIPSIS
        (tensor(...
        >>> model = torch.nn.Sequential(hidden, torch.nn.ReLU(), out)
        >>> optimizer = torch.optim.SGD(model.parameters(), 0.1)
        >>> result = gg.diagnose(model, torch.nn.CrossEntropyLoss(), optimizer, batches, epochs=1)
        >>> result.primary.rule
        'constant-initialization'
    """
    if isinstance(model, Run):
        known_options(options, ())
        if args or budget is not None:
            raise CannotDiagnose("recording_alone")
        return diagnose_run(model, limits, off)
    settings = Settings(read_budget(budget), max(seeds - 1, 0), on_progress)
    return examine(trainee_of(model, args, options), settings, limits, off)


_PYTORCH_OPTIONS = ("loss", "optimizer", "loader", "scheduler", "x", "y", "batch_size", "epochs")
_JAX_OPTIONS = (
    *("params", "x", "y", "optimizer", "learning_rate", "batch_size", "epochs", "seed"),
    *("predict", "kind"),
)


def trainee_of(model: Any, args: tuple[Any, ...], options: dict[str, Any]) -> Trainee:
    """The model with all that belongs to it, in its framework's form.

    Raises:
        CannotDiagnose: nothing that is known.
        UnknownName: an option that its framework's form does not have.
    """
    family = family_of(model)
    if family == "huggingface_trainer":
        from gradgauge.diagnosis.trainees.torch.front import from_trainer
        from gradgauge.diagnosis.trainees.torch.trainee import PyTorchTrainee

        known_options(options, ("epochs",))
        return PyTorchTrainee(from_trainer(model, options))
    if family == "lightning_module":
        from gradgauge.diagnosis.trainees.torch.front import from_lightning
        from gradgauge.diagnosis.trainees.torch.trainee import PyTorchTrainee

        known_options(options, ("loader", "optimizer", "epochs"))
        return PyTorchTrainee(from_lightning(model, args, options))
    if _is_of("torch", "nn.Module", model) and not _is_of("keras", "Model", model):
        from gradgauge.diagnosis.trainees.torch.front import from_parts
        from gradgauge.diagnosis.trainees.torch.trainee import PyTorchTrainee

        known_options(options, _PYTORCH_OPTIONS)
        return PyTorchTrainee(from_parts(model, args, options))
    if _is_of("keras", "Model", model):
        from gradgauge.diagnosis.trainees.keras.trainee import KerasTrainee

        known_options(options, options_of(model.fit))
        x, y = (*args, None, None)[:2]
        return KerasTrainee(model, options.pop("x", x), options.pop("y", y), options)
    if isinstance(model, Callable):
        from gradgauge.diagnosis.trainees.jax import jax_trainee

        known_options(options, _JAX_OPTIONS)
        return jax_trainee(model, args, options)
    raise CannotDiagnose("unknown_model", kind=type(model).__name__)


def _is_of(module: str, path: str, model: Any) -> bool:
    """Whether `model` is an instance of a class of a framework that is imported already."""
    found: Any = sys.modules.get(module)
    for name in path.split("."):
        found = getattr(found, name, None)
    return isinstance(found, type) and isinstance(model, found)
