"""Extra passes of a PyTorch module: gradients on the probe samples, and where a NaN began."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from gradgauge.diagnosis.locate import first_non_finite
from gradgauge.diagnosis.trainees.torch.data import call
from gradgauge.diagnosis.trainees.torch.facts import array
from gradgauge.diagnosis.trainees.trainee import saturation
from gradgauge.watchers.torch.probe import Probe
from gradgauge.watchers.torch.state import preserved
from gradgauge.watchers.torch.watcher import PyTorchWatcher


def gradients(
    model: nn.Module, loss: Callable[[Any, Any], torch.Tensor], x: Any, y: Any
) -> tuple[float, list[np.ndarray | None]]:
    """Loss and gradients of the parameters that learn, without any trace."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    with preserved(model), torch.enable_grad():
        value = loss(call(model, x), y)
        if not value.requires_grad:
            return float(value), [None] * len(parameters)
        found = torch.autograd.grad(value, parameters, allow_unused=True)
    return float(value.detach()), [None if g is None else array(g) for g in found]


def saturated_at_init(watcher: PyTorchWatcher, probe: Probe) -> dict[str, float]:
    """Share of saturated values by layer now; empty where the model cannot be looked at."""
    return saturation(watcher.look(probe) or [])


def broken_at(
    model: nn.Module,
    loss: Callable[[Any, Any], torch.Tensor],
    watcher: PyTorchWatcher,
    now: tuple[Any, ...] | None,
    before: tuple[Any, ...] | None,
) -> tuple[tuple[str, str] | None, bool]:
    """The layer and the operation that were not finite first, and whether the step before it was.

    Args:
        model, loss: what is trained.
        watcher: knows the layers.
        now, before: x, y and the weights of the two steps.
    """
    parameters = [p for p in model.parameters() if p.requires_grad]
    for moment in (before, now):
        if moment is None or not moment[2]:
            continue
        kept = [p.detach().clone() for p in parameters]
        with torch.no_grad():
            for parameter, value in zip(parameters, moment[2], strict=True):
                parameter.copy_(value)
        found = _look(Probe(model, moment[0], moment[1], loss), watcher)
        with torch.no_grad():
            for parameter, value in zip(parameters, kept, strict=True):
                parameter.copy_(value)
        if found is not None:
            return found, moment is before
    return None, False


def _look(probe: Probe, watcher: PyTorchWatcher) -> tuple[str, str] | None:
    shown = watcher.look(probe)
    if shown is None:
        return None
    return first_non_finite(shown, [row.info.name for row in watcher.rows], probe.loss_value)
