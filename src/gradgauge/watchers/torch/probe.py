"""An extra pass of a PyTorch model over a fixed batch, that leaves no trace."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from gradgauge.gauges import PROBE_SAMPLES
from gradgauge.watchers.torch.hooks import probing
from gradgauge.watchers.torch.modules import Row
from gradgauge.watchers.torch.state import preserved
from gradgauge.watchers.torch.taps import Taps


class Probe:
    """Reads a model on the same batch again and again.

    Args:
        model: not compiled, or compiled parts run eagerly.
        x: a tensor, or a tuple (positional) or dict (by keyword) of inputs.
        y: whatever the loss takes.
        loss: (output, y) -> scalar.
    """

    model: Any
    loss: Callable[..., Any]
    x: Any
    y: Any
    loss_value: float

    def __init__(self, model: nn.Module, x: Any, y: Any, loss: Callable[[Any, Any], torch.Tensor]):
        self.model, self.loss = model, loss
        self.x, self.y = first_samples(x), first_samples(y)
        self.loss_value = float("nan")
        self._gradients: dict[int, torch.Tensor] = {}

    def read(
        self, rows: list[Row], note: Callable[..., None], settled: bool = False
    ) -> Taps | None:
        """One pass; None, and a note, if it cannot be done.

        `.grad`, buffers, modes and random states stay as they are; hooks are taken off again.
        Compiled parts run eagerly, for their hooks would never fire.

        Args:
            rows: the layers.
            note: told why it cannot be done.
            settled: whether the layers are all known.
        """
        taps = Taps(self.model, rows, settled=settled)
        stance = torch.compiler.set_stance("force_eager")
        with preserved(self.model), stance, probing(taps):
            try:
                self._read(taps, rows)
            except Exception as error:  # noqa: BLE001 an instrument must not end the training
                note("signals", "probe_failed", error=f"{type(error).__name__}: {error}")
                return None
            finally:
                taps.close()
        return taps

    def _read(self, taps: Taps, rows: list[Row]) -> None:
        with torch.enable_grad():
            taps.open()
            output = self._call()
            loss = self.loss(output, self.y)
            weights = [w for row in rows for w in row.weights if w.requires_grad]
            wanted = list({id(w): w for w in weights}.values())
            found = torch.autograd.grad(loss, wanted, allow_unused=True)
        taps.close()
        self.loss_value = float(loss.detach())
        self._gradients = {id(w): g for w, g in zip(wanted, found, strict=True) if g is not None}

    def _call(self) -> Any:
        if isinstance(self.x, dict):
            return self.model(**self.x)
        return self.model(*self.x) if isinstance(self.x, tuple) else self.model(self.x)

    def gradient(self, weight: nn.Parameter) -> torch.Tensor | None:
        """The gradient of the last pass."""
        return self._gradients.get(id(weight))


def first_samples(tree: Any) -> Any:
    """The first PROBE_SAMPLES rows of every tensor in a tuple, list or dict."""
    if isinstance(tree, dict):
        return {key: first_samples(value) for key, value in tree.items()}
    if isinstance(tree, (tuple, list)):
        return tuple(first_samples(value) for value in tree)
    if isinstance(tree, torch.Tensor) and tree.ndim:
        return tree[:PROBE_SAMPLES]
    return tree
