"""What a PyTorch model keeps from one batch to the next."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, RandomSampler

from gradgauge.diagnosis.trainees.torch.data import call
from gradgauge.diagnosis.trainees.torch.experiment import TorchExperiment, floats
from gradgauge.diagnosis.trainees.torch.facts import array


def remembered(experiment: TorchExperiment) -> float:
    """Share of the samples whose outputs, in evaluation mode, change with the batch before.

    All times the model is called as often, so that what counts its calls changes nothing; outputs
    that are not the same to the last bit after the same batch say nothing.
    """
    other = experiment.exchanged(range(1, experiment.rows))
    plain, again, changed = (_after(experiment, x) for x in (experiment.x, experiment.x, other))
    return 0.0 if _apart(plain, again).any() else float(_apart(plain, changed).mean())


def is_shuffled(loader: Iterable[Any]) -> bool:
    """Whether the rows of a loader are known to come in random order, so that no batch continues
    the one before."""
    loader = getattr(loader, "loader", loader)
    return isinstance(loader, DataLoader) and isinstance(loader.sampler, RandomSampler)


def _after(experiment: TorchExperiment, before: Any) -> list[np.ndarray]:
    with experiment.untouched(evaluation=True), torch.no_grad():
        call(experiment.model, before)
        return [array(t) for t in floats(call(experiment.model, experiment.x))]


def _apart(plain: list[np.ndarray], other: list[np.ndarray]) -> np.ndarray:
    """Which samples differ."""
    found = np.zeros(len(plain[0]), bool)
    for a, b in zip(plain, other, strict=True):
        found |= (a != b).reshape(len(a), -1).any(axis=1)
    return found
