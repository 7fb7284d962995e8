"""What a PyTorch training is given as: loss, optimizer and batches; batches that hold their targets,
of a model that computes its own loss; a Hugging Face Trainer; a LightningModule."""

from __future__ import annotations

import inspect
import math
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from gradgauge.diagnosis.errors import CannotDiagnose
from gradgauge.diagnosis.trainees.torch.data import random_states, target_of
from gradgauge.diagnosis.trainees.torch.schedule import Stepping, stepping_of


@dataclass(frozen=True)
class GivenTraining:
    """A training, whatever it was given as.

    Attributes:
        model: what is called with the inputs of a batch.
        loss: (output, target) -> scalar.
        optimizer: over its parameters.
        loader: gives batches, again and again.
        epochs: passes over it; None: enough steps to tell.
        scheduler: what changes the rate; None: nothing does.
        clip_norm: the norm that gradients are cut to; None: they are not.
        own_loss: whether the model computes the loss itself.
        steps: how many are made, where that is said and not a number of passes.
    """

    model: nn.Module
    loss: Callable[..., Any]
    optimizer: torch.optim.Optimizer
    loader: Iterable[Any]
    epochs: int | None = None
    scheduler: Stepping | None = None
    clip_norm: float | None = None
    own_loss: bool = False
    steps: int | None = None


def loss_of_model(outputs: Any, _target: Any) -> torch.Tensor:
    """The loss that a model has computed itself.

    Raises:
        CannotDiagnose: its outputs hold none.
    """
    loss = outputs.get("loss") if isinstance(outputs, Mapping) else getattr(outputs, "loss", None)
    if loss is None:
        raise CannotDiagnose("no_own_loss", kind=type(outputs).__name__)
    return loss


def from_parts(
    model: nn.Module, args: tuple[Any, ...], options: Mapping[str, Any]
) -> GivenTraining:
    """Sort loss, optimizer and data out of the arguments, whatever their order.

    Args:
        model: the module.
        args: loss, optimizer and loader, or tensors x and y in place of a loader.
        options: `loss`, `optimizer`, `loader`, `x`, `y`, `epochs`, `batch_size`, `scheduler`.

    Raises:
        CannotDiagnose: one of them is missing.
    """
    given = dict(options)
    arrays: list[torch.Tensor] = []
    for arg in args:
        if isinstance(arg, torch.optim.Optimizer):
            given.setdefault("optimizer", arg)
        elif isinstance(arg, (torch.Tensor, np.ndarray)):
            arrays.append(torch.as_tensor(arg))
        elif isinstance(arg, torch.optim.lr_scheduler.LRScheduler):
            given.setdefault("scheduler", arg)
        elif isinstance(arg, nn.Module) or (callable(arg) and not isinstance(arg, DataLoader)):
            given.setdefault("loss", arg)
        elif arg is not None:
            given.setdefault("loader", arg)
    for name, tensor in zip(("x", "y"), arrays, strict=False):
        given.setdefault(name, tensor)
    loader = given.get("loader")
    if loader is None and given.get("x") is not None and given.get("y") is not None:
        dataset = TensorDataset(torch.as_tensor(given["x"]), torch.as_tensor(given["y"]))
        loader = DataLoader(dataset, int(given.get("batch_size") or 32), shuffle=True)
    loss, optimizer = given.get("loss"), given.get("optimizer")
    own = loss is None and loader is not None and isinstance(first_batch(loader), Mapping)
    loss = loss_of_model if own else loss
    for name, value in (("loss", loss), ("optimizer", optimizer), ("loader", loader)):
        if value is None:
            raise CannotDiagnose("pytorch_needs", what=name)
    assert loss is not None
    assert optimizer is not None
    assert loader is not None
    epochs = given.get("epochs")
    scheduler = stepping_of(given.get("scheduler"), optimizer, epochs)
    return GivenTraining(model, loss, optimizer, loader, epochs, scheduler, own_loss=own)


def from_trainer(trainer: Any, options: Mapping[str, Any]) -> GivenTraining:
    """A Hugging Face Trainer: its batches, loss, optimizer and schedule; it stays as it was.

    Raises:
        CannotDiagnose: it has no training data.
    """
    if trainer.train_dataset is None:
        raise CannotDiagnose("pytorch_needs", what="train_dataset")
    args, model = trainer.args, trainer.model
    kept = (trainer.optimizer, trainer.lr_scheduler)
    try:
        loader = trainer.get_train_dataloader()
        batches = max(len(loader), 1)
        epochs = options.get("epochs")
        passes = epochs or args.num_train_epochs
        limited = args.max_steps > 0 and not epochs
        steps = args.max_steps if limited else math.ceil(batches * passes)
        optimizer = trainer.optimizer or trainer.create_optimizer()
        scheduler = trainer.lr_scheduler or trainer.create_scheduler(steps, optimizer)
    finally:
        trainer.optimizer, trainer.lr_scheduler = kept
    own = type(trainer).compute_loss.__module__.startswith("transformers.")
    custom = getattr(trainer, "compute_loss_func", None) or trainer.label_smoother
    if own and custom is None:
        asked: nn.Module = model
    else:
        asked = WholeStep(
            model,
            lambda batch: trainer.compute_loss(model, dict(batch), return_outputs=True),
        )
    clip = args.max_grad_norm if args.max_grad_norm and args.max_grad_norm > 0 else None
    return GivenTraining(
        asked,
        loss_of_model,
        optimizer,
        loader,
        epochs,
        Stepping(scheduler, per_step=True, sure=True),
        clip,
        own_loss=True,
        steps=steps,
    )


def from_lightning(module: Any, args: tuple[Any, ...], options: Mapping[str, Any]) -> GivenTraining:
    """A LightningModule with its own `training_step` and `configure_optimizers`.

    Args:
        module: the module.
        args: a loader or a LightningDataModule.
        options: `loader`, `optimizer`, `epochs`.

    Raises:
        CannotDiagnose: it steps by hand, has several optimizers, or no data is given.
    """
    if not module.automatic_optimization:
        raise CannotDiagnose("steps_by_hand", name=type(module).__name__)
    loader = options.get("loader") or next((a for a in args if a is not None), None)
    loader = loader_of(loader if loader is not None else module)
    configured = module.configure_optimizers()
    optimizer, scheduler = _configured(configured, type(module).__name__)
    optimizer = options.get("optimizer") or optimizer
    if optimizer is None:
        raise CannotDiagnose("pytorch_needs", what="optimizer")
    takes_index = len(inspect.signature(module.training_step).parameters) > 1

    def step(batch: Any) -> Any:
        with warnings.catch_warnings():
            # Outside of a Trainer nobody keeps what `log` is given.
            warnings.filterwarnings("ignore", message=".*self.log.*")
            warnings.filterwarnings("ignore", message=".*self.trainer.*")
            return module.training_step(batch, 0) if takes_index else module.training_step(batch)

    with random_states(loader):
        bare = isinstance(first_batch(loader), torch.Tensor)
    return GivenTraining(
        WholeStep(module, step, bare=bare),
        loss_of_model,
        optimizer,
        WholeBatches(loader),
        options.get("epochs"),
        scheduler,
        own_loss=True,
    )


def _configured(given: Any, name: str) -> tuple[Any, Stepping | None]:
    """The one optimizer and its schedule out of what `configure_optimizers` may return."""
    schedulers: Any = None
    if isinstance(given, Mapping):
        given, schedulers = given.get("optimizer"), given.get("lr_scheduler")
    elif (
        isinstance(given, (tuple, list)) and len(given) == 2 and isinstance(given[0], (list, tuple))
    ):
        given, schedulers = given
    if isinstance(given, (tuple, list)):
        if len(given) != 1:
            raise CannotDiagnose("several_optimizers", name=name)
        given = given[0]
        if isinstance(given, Mapping):
            return _configured(given, name)
    if isinstance(schedulers, (tuple, list)):
        schedulers = schedulers[0] if schedulers else None
    if schedulers is None:
        return given, None
    if isinstance(schedulers, Mapping):
        per_step = schedulers.get("interval", "epoch") == "step"
        return given, Stepping(schedulers["scheduler"], per_step=per_step, sure=True)
    return given, Stepping(schedulers, per_step=False, sure=True)


def loader_of(source: Any) -> Any:
    """The training batches: a loader as it is, or those that a module or data module makes.

    Raises:
        CannotDiagnose: there are none.
    """
    if not callable(getattr(source, "train_dataloader", None)):
        return source
    if hasattr(source, "prepare_data"):
        source.prepare_data()
        source.setup("fit")
    try:
        return source.train_dataloader()
    except Exception as error:
        if type(error).__name__ != "MisconfigurationException":
            raise
        raise CannotDiagnose("pytorch_needs", what="loader") from None


def first_batch(loader: Iterable[Any]) -> Any:
    """A loader's first batch; its random states stay.

    Raises:
        CannotDiagnose: it gives none.
    """
    with random_states(loader):
        for batch in loader:
            return batch
    raise CannotDiagnose("no_data")


class WholeStep(nn.Module):
    """A module called by a step of its own that takes a whole batch and gives its loss.

    Its parts are named as in the module itself.

    Args:
        module: what is trained.
        step: a batch -> loss, or a mapping with `loss`, or (loss, outputs).
        bare: whether a batch is one tensor.
    """

    module: nn.Module

    def __init__(self, module: nn.Module, step: Callable[[Any], Any], bare: bool = False):
        super().__init__()
        self.module = module
        self._step, self._bare = step, bare
        self._given: list[Any] = []

    def named_modules(
        self, memo: set[nn.Module] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Generator[tuple[str, nn.Module], None, None]:
        yield prefix, self
        yield from self.module.named_modules(memo, prefix, remove_duplicate)

    def named_children(self) -> Iterator[tuple[str, nn.Module]]:
        yield from self.module.named_children()

    def forward(self, *parts: Any, **named: Any) -> dict[str, Any]:
        """The outputs of the module in its step, as `outputs`, and its `loss`."""
        batch: Any = named if named else parts[0] if self._bare else tuple(parts)
        self._given.clear()
        watched = [self.module, *self.module.children()]
        hooks = [m.register_forward_hook(self._take) for m in watched]
        try:
            result = self._step(batch)
        finally:
            for hook in hooks:
                hook.remove()
        outputs: Any = None
        if isinstance(result, (tuple, list)):
            result, outputs = result[0], result[1]
        loss = result["loss"] if isinstance(result, Mapping) else result
        if loss is None:
            raise CannotDiagnose("no_own_loss", kind="None")
        own = [output for module, output in self._given if module is self.module]
        parts_given = [output for _, output in self._given]
        outputs = outputs if outputs is not None else (own or parts_given or [loss])[-1]
        self._given.clear()
        return {"outputs": outputs, "loss": loss}

    def _take(self, module: nn.Module, _args: Any, output: Any) -> None:
        self._given.append((module, output))


class WholeBatches:
    """A loader's batches as pairs: the whole batch, and what its targets seem to be.

    Args:
        loader: gives batches of any form.
    """

    loader: Any

    def __init__(self, loader: Any):
        self.loader = loader

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        for batch in self.loader:
            whole = tuple(batch) if isinstance(batch, (list, tuple)) else batch
            yield whole, target_of(whole)

    def __len__(self) -> int:
        return len(self.loader)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.loader, name)
