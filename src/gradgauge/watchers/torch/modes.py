"""Which steps were made in evaluation mode."""

from __future__ import annotations

from torch import nn

_TOLD_APART = (nn.modules.batchnorm._NormBase, nn.modules.dropout._DropoutNd)


class Modes:
    """Counts the steps since the model was last seen in training mode.

    Args:
        model: what is watched.

    Attributes:
        forgotten: steps in evaluation mode after the last one in training mode; 0 where none was
            in training mode, or where no layer tells the modes apart: then it is meant, or nothing
            to it.
    """

    forgotten: int

    def __init__(self, model: nn.Module):
        self._model, self._trained = model, False
        self._matters = any(isinstance(module, _TOLD_APART) for module in model.modules())
        self.forgotten = 0

    def see(self) -> None:
        """An optimizer is about to make a step."""
        if self._model.training:
            self._trained, self.forgotten = True, 0
        elif self._trained and self._matters:
            self.forgotten += 1
