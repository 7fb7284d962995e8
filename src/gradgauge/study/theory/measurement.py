"""What was measured on random networks. Reading it needs no engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gradgauge.study.theory.agreement import Measured
from gradgauge.study.theory.random_network import Size


@dataclass(frozen=True)
class DeltaNorms:
    """delta_norm by layer over that of the layer the error starts from, L + 1 figures each.

    Attributes:
        measured: (networks, layers).
        predicted: by theory.
        dropped: first layers that the figures leave out.
    """

    measured: np.ndarray
    predicted: np.ndarray
    dropped: int = 0


@dataclass(frozen=True)
class Measurement:
    """All figures of one kind of network.

    Attributes:
        figures: beside their predictions.
        size: of the networks.
        seeds: one network each.
        delta: by layer, for the picture; None where there is none.
        estimated: whether the Jacobian's figures are estimates.
    """

    figures: tuple[Measured, ...]
    size: Size
    seeds: tuple[int, ...]
    delta: DeltaNorms | None = None
    estimated: bool = False

    def to_json(self) -> dict[str, Any]:
        """Quantity -> mean, interval, agrees."""
        return {figure.name: figure.to_json() for figure in self.figures}
