"""The training loop of every framework, and which one a network needs."""

from __future__ import annotations

from gradgauge.own.loops.loop import Loop
from gradgauge.own.made import JAX, KERAS, Made


def loop_of(made: Made) -> Loop:
    """The loop that trains it."""
    if made.framework == KERAS:
        from gradgauge.own.loops.keras import KerasLoop

        return KerasLoop(made)
    if made.framework == JAX:
        from gradgauge.own.loops.jax import JaxLoop

        return JaxLoop(made)
    from gradgauge.own.loops.torch import TorchLoop

    return TorchLoop(made)
