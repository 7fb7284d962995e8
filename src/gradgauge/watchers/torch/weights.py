"""The parameters of a model: their norms, and how an update changes them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import torch

from gradgauge.watchers.torch.modules import Row, is_real
from gradgauge.watchers.torch.norms import root, tensor_norms


class Weights:
    """The weights of all rows, each once, and after them biases, which have no rows.

    Args:
        rows: the layers.
        model: whose other parameters are biases.

    Attributes:
        parameters: every list of norms here is in their order.
        place: id of a parameter -> its place among them.
    """

    parameters: list[torch.nn.Parameter]
    place: dict[int, int]

    def __init__(self, rows: Sequence[Row], model: torch.nn.Module):
        weights = [w for row in rows for w in row.weights]
        rest = [p for p in model.parameters() if is_real(p)]
        self.parameters = list({id(p): p for p in (*weights, *rest)}.values())
        self.place = {id(w): i for i, w in enumerate(self.parameters)}

    def by_row(self, norms: np.ndarray, rows: Sequence[Row]) -> np.ndarray:
        """Norms of the weights -> norms of the rows."""
        return np.array([root(norms[self.place[id(w)]] for w in row.weights) for row in rows])

    def norms(self) -> np.ndarray:
        """Of the weights themselves."""
        return np.array(tensor_norms(self.parameters))

    def gradient_norms(self, among: Collection[int] | None = None) -> np.ndarray:
        """Of what stands in `.grad`; NaN for None, and for weights whose ids are not `among`."""
        return np.array(
            tensor_norms(
                [w.grad if among is None or id(w) in among else None for w in self.parameters]
            )
        )

    def copies(self, among: Collection[int] | None = None) -> dict[int, torch.Tensor]:
        """Copies of the weights whose ids are `among`, by id: to see what a step changes."""
        return {
            id(w): w.detach().clone()
            for w in self.parameters
            if (among is None or id(w) in among) and not w.is_meta
        }

    def change_norms(self, before: dict[int, torch.Tensor]) -> np.ndarray:
        """Norms of what has changed since `copies`; NaN for weights that were not copied."""
        pairs = [w.detach() - before[id(w)] if id(w) in before else None for w in self.parameters]
        return np.array(tensor_norms(pairs))
