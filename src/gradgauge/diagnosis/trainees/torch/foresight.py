"""A PyTorch model of sequences whose targets are its inputs."""

from __future__ import annotations

import numpy as np
import torch
from torch.utils import _pytree as pytree

from gradgauge.diagnosis.trainees.torch.data import call
from gradgauge.diagnosis.trainees.torch.experiment import TorchExperiment
from gradgauge.diagnosis.trainees.torch.facts import array


class TorchPredicted:
    """See Predicted.

    Args:
        experiment: the model, its loss and a batch.
        x: the input whose values the targets are.
        axis: of the outputs, that of the places.
    """

    def __init__(self, experiment: TorchExperiment, x: torch.Tensor, axis: int):
        self._experiment, self._x, self._axis = experiment, x, axis

    @property
    def inputs(self) -> np.ndarray:
        """See Predicted."""
        return array(self._x)

    @property
    def targets(self) -> np.ndarray:
        """See Predicted."""
        return array(self._experiment.y)

    def outputs(self, place: int | None = None) -> np.ndarray:
        """See Predicted."""
        other = _exchanged(self._x, place)
        x = pytree.tree_map(lambda t: other if t is self._x else t, self._experiment.x)
        with self._experiment.untouched(evaluation=True), torch.no_grad():
            return np.moveaxis(array(call(self._experiment.model, x)), self._axis, 1)

    def slopes(self, place: int | None = None) -> np.ndarray:
        """See Predicted."""
        experiment = self._experiment
        with experiment.untouched(evaluation=True):
            out = call(experiment.model, experiment.x).detach().requires_grad_()
            value = experiment.objective(out, _exchanged(experiment.y, place))
            (slope,) = torch.autograd.grad(value, out)
        return np.moveaxis(array(slope), self._axis, 1)


def predicted(experiment: TorchExperiment) -> TorchPredicted | None:
    """The model as one that predicts its own inputs; None: it is none."""
    y = experiment.y
    if not isinstance(y, torch.Tensor) or y.ndim < 2:
        return None
    with experiment.untouched(evaluation=True), torch.no_grad():
        outputs = call(experiment.model, experiment.x)
    if not isinstance(outputs, torch.Tensor):
        return None
    axes = [axis for axis in range(1, outputs.ndim) if outputs.shape[axis] == y.shape[1]]
    inputs = (t for t in pytree.tree_leaves(experiment.x) if isinstance(t, torch.Tensor))
    fitting = [t for t in inputs if t.shape == y.shape and t.dtype == y.dtype]
    if not axes or len(fitting) != 1:
        return None
    # Where classes or features are as many as places, places stand where those of y do.
    return TorchPredicted(experiment, fitting[0], axes[0])


def _exchanged(values: torch.Tensor, place: int | None) -> torch.Tensor:
    if place is None:
        return values
    other = values.clone()
    other[:, place] = values[:, place].roll(1, 0)
    return other
