"""A change applied to a PyTorch training for as long as a trial takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import nn

from gradgauge.diagnosis.errors import CannotDiagnose
from gradgauge.diagnosis.trainees.torch.facts import array
from gradgauge.diagnosis.trainees.trainee import redrawn
from gradgauge.diagnosis.trial import Change

_ACTIVATIONS: dict[str, type[nn.Module]] = {
    name.lower(): getattr(nn, name)
    for name in ("ReLU", "Tanh", "Sigmoid", "GELU", "SiLU", "ELU", "SELU", "LeakyReLU", "Softplus")
}


@contextmanager
def changed_weights(
    model: nn.Module, matrices: Mapping[str, Sequence[nn.Parameter]], change: Change
) -> Iterator[None]:
    """The model's weights and activations as the change has them; activations are put back.

    Args:
        model: its weights stay changed: the trainee rewinds them.
        matrices: layer's name -> its matrices.
        change: what to do.

    Raises:
        CannotDiagnose: no such activation.
    """
    with torch.no_grad():
        if change.seed is not None:
            parameters = [p for p in model.parameters() if p.requires_grad]
            drawn = redrawn([array(p) for p in parameters], change.seed)
            for parameter, values in zip(parameters, drawn, strict=True):
                parameter.copy_(torch.as_tensor(values))
        for name, factor in change.weight_factors.items():
            for matrix in matrices.get(name, ()):
                matrix.mul_(factor)
    swapped = [] if change.activation is None else _swap(model, change.activation)
    try:
        yield
    finally:
        for parent, name, module in swapped:
            setattr(parent, name, module)


def _swap(model: nn.Module, name: str) -> list[tuple[nn.Module, str, nn.Module]]:
    """Every activation module exchanged; what stood there before."""
    if name not in _ACTIVATIONS:
        raise CannotDiagnose("unknown_activation", name=name, known=", ".join(_ACTIVATIONS))
    places = [
        (parent, key, child)
        for parent in model.modules()
        for key, child in parent.named_children()
        if isinstance(child, tuple(_ACTIVATIONS.values()))
    ]
    for parent, key, _ in places:
        setattr(parent, key, _ACTIVATIONS[name]())
    return places


def new_optimizer(model: nn.Module, name: str, rate: float) -> torch.optim.Optimizer:
    """A new one over everything that can learn.

    Raises:
        CannotDiagnose: no such optimizer.
    """
    kinds = {kind.lower(): kind for kind in dir(torch.optim) if kind[:1].isupper()}
    if name not in kinds:
        raise CannotDiagnose("unknown_optimizer", name=name, known=", ".join(sorted(kinds)))
    parameters = [p for p in model.parameters() if p.requires_grad]
    return getattr(torch.optim, kinds[name])(parameters, lr=rate)
