"""The properties of a PyTorch training, asked before it begins."""

from __future__ import annotations

import inspect
import linecache
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree
from torch.utils.data import DataLoader, default_collate

from gradgauge.diagnosis.limits import Limits, shipped
from gradgauge.diagnosis.properties.answers import Properties, asked
from gradgauge.diagnosis.properties.bounds import bounds
from gradgauge.diagnosis.properties.foresight import foresight
from gradgauge.diagnosis.properties.in_time import cut_in_time
from gradgauge.diagnosis.properties.mixing import batch_mixing
from gradgauge.diagnosis.properties.modes import Following, Modes
from gradgauge.diagnosis.properties.order import (
    epoch_of,
    order_of,
)
from gradgauge.diagnosis.properties.pairing import mispaired
from gradgauge.diagnosis.properties.reach import reach
from gradgauge.diagnosis.trainees.torch.data import call, first, samples_in, unpack
from gradgauge.diagnosis.trainees.torch.experiment import TorchExperiment
from gradgauge.diagnosis.trainees.torch.facts import array, ignored_label
from gradgauge.diagnosis.trainees.torch.foresight import predicted
from gradgauge.diagnosis.trainees.torch.memory import is_shuffled, remembered
from gradgauge.diagnosis.trainees.torch.places import places_of
from gradgauge.diagnosis.trainees.torch.trace import Followed, follow
from gradgauge.watchers.torch.optimizers import parameters_of

_NORMS = (nn.modules.batchnorm._NormBase,)


def properties_of(
    model: nn.Module,
    loss: Any,
    optimizer: torch.optim.Optimizer,
    loader: Iterable[Any],
    steps: int = 0,
    limits: Limits | None = None,
) -> Properties:
    """Ask them all; weights, statistics, modes and random states of the model stay.

    The loader's own random states are the caller's to put back.

    Args:
        model, loss, optimizer, loader: the training.
        steps: how many the user's own would take; 0: not known.
        limits: of all rules; None: the shipped ones.
    """
    limits = shipped() if limits is None else limits
    reached, of_order = limits["unreached-layer"], limits["unshuffled-batches"]
    moved = parameters_of(optimizer)
    x, y = unpack(next(iter(loader)))
    experiment = TorchExperiment(
        model,
        loss,
        {n: p for n, p in model.named_parameters() if p.requires_grad and id(p) in moved},
        moved,
        x,
        y,
        stacked=is_stacked(loader),
    )
    seen = asked(lambda: follow(experiment)) or Followed((), False, ())
    return Properties(
        names=experiment.names,
        mixing=asked(lambda: batch_mixing(experiment, limits["batch-mixing"])),
        reach=asked(lambda: reach(experiment, reached)) if experiment.names else None,
        modes=asked(lambda: modes_of(experiment, steps)),
        order=asked(lambda: order_of(epoch_of(_batches(loader), samples_in(loader)), of_order)),
        loose=asked(experiment.loose) or (),
        mispaired=asked(lambda: mispaired(experiment, seen.met, seen.by_intent)),
        calls=seen.calls or asked(experiment.calls) or (),
        summed=asked(experiment.summed),
        in_time=asked(lambda: cut_in_time(places_of(experiment), reached)),
        bounds=asked(lambda: bounds(experiment)),
        foresight=asked(lambda: foresight(predicted(experiment), ignored_label(loss))),
        remembered=(asked(lambda: remembered(experiment)) or 0.0) if is_shuffled(loader) else 0.0,
        strangers=asked(experiment.strangers) or 0,
        plain_batch_statistics=any(
            isinstance(m, _NORMS) and not m.track_running_stats for m in model.modules()
        ),
    )


def is_stacked(loader: Iterable[Any]) -> bool:
    """Whether the samples of a batch are known to stand on axis 0."""
    loader = getattr(loader, "loader", loader)
    if not isinstance(loader, DataLoader):
        return False
    return loader.collate_fn is default_collate and loader.batch_size is not None


def _batches(loader: Iterable[Any]) -> Iterator[tuple[np.ndarray, list[np.ndarray]]]:
    """Targets and inputs of every batch."""
    for batch in loader:
        x, y = unpack(batch)
        yield array(first(y)), [array(t) for t in pytree.tree_leaves(x) if _is_tensor(t)]


def _is_tensor(leaf: Any) -> bool:
    return isinstance(leaf, torch.Tensor) and leaf.ndim > 0


class _Dropouts(TorchFunctionMode):
    """Notes functional dropout that nobody told the mode: it always drops."""

    _FUNCTIONS = (
        functional.dropout,
        functional.dropout1d,
        functional.dropout2d,
        functional.dropout3d,
        functional.alpha_dropout,
        functional.feature_alpha_dropout,
    )

    def __init__(self) -> None:
        super().__init__()
        self.found = ""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func in self._FUNCTIONS and kwargs.get("training") and kwargs.get("p"):
            # Who writes training=True wants it: uncertainty by dropout.
            meant = "training" in _source_of_call() or "True" in _source_of_call()
            self.found = self.found or ("" if meant else func.__name__)
        return func(*args, **kwargs)


def _source_of_call() -> str:
    """The text of the call, in the user's program, that led here; empty where there is none."""
    frame = inspect.currentframe()
    home = str(Path(torch.__file__).parent)
    while frame is not None and (
        frame.f_code.co_filename == __file__ or frame.f_code.co_filename.startswith(home)
    ):
        frame = frame.f_back
    if frame is None:
        return ""
    positions = inspect.getframeinfo(frame).positions
    if positions is None or positions.lineno is None or positions.end_lineno is None:
        return ""
    lines = range(positions.lineno, positions.end_lineno + 1)
    return "".join(linecache.getline(frame.f_code.co_filename, line) for line in lines)


def modes_of(experiment: TorchExperiment, steps: int = 0) -> Modes:
    """One pass in evaluation mode, and a look at running statistics.

    Args:
        experiment: the model and a batch.
        steps: how many the user's own training would take; 0: not known.
    """
    model = experiment.model
    with experiment.untouched(evaluation=True), torch.no_grad(), _Dropouts() as dropouts:
        call(model, experiment.x)
    new = [
        (name, module.momentum)
        for name, module in model.named_modules()
        if isinstance(module, _NORMS)
        and module.track_running_stats
        and module.training
        and _as_made(module)
    ]
    frozen = tuple(name for name, share in new if share == 0)
    slow = tuple(Following(name, share, (1 - share) ** steps) for name, share in new if share)
    return Modes(dropouts.found, frozen, slow)


def _as_made(module: Any) -> bool:
    mean, variance = module.running_mean, module.running_var
    return not bool(mean.any()) and bool((variance == 1).all())
