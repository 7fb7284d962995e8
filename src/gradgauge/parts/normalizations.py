"""Normalizations before the activation: what their statistics run over, and their constants."""

from __future__ import annotations

from dataclasses import dataclass

from gradgauge.errors import UnknownName


@dataclass(frozen=True)
class Normalization:
    """z = gamma (a - mean) / sqrt(variance + epsilon) + beta, a = h W + b.

    Attributes:
        name: as written in a notation.
        axis: over which mean and variance are taken, of (batch, units); None: no normalization.
        epsilon: Keras's; PyTorch's is 1e-5.
        momentum: of the running statistics that inference uses, Keras's; 0: it uses none.
        paper: where it comes from.
    """

    name: str
    axis: int | None
    epsilon: float
    momentum: float
    paper: str


NORMALIZATIONS: dict[str, Normalization] = {
    n.name: n
    for n in (
        Normalization("none", None, 0.0, 0.0, ""),
        Normalization("batch", 0, 1e-3, 0.99, "Ioffe & Szegedy (2015)"),
        Normalization("layer", -1, 1e-3, 0.0, "Ba, Kiros & Hinton (2016)"),
    )
}


def normalization(name: str) -> Normalization:
    """The normalization called `name`.

    Raises:
        UnknownName: there is none.
    """
    try:
        return NORMALIZATIONS[name]
    except KeyError:
        raise UnknownName("norm", name, NORMALIZATIONS) from None
