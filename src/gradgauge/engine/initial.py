"""A network at its initial weights, read once: gauges by layer and Jacobian, without training.

Importing it starts nothing.
"""

from __future__ import annotations

import numpy as np

from gradgauge.engine.runtime import start
from gradgauge.engine.terms import InitialReading
from gradgauge.spec.network import NetworkSpec


def read_initial(
    network: NetworkSpec,
    seed: int,
    x: np.ndarray,
    labels: np.ndarray,
    jacobian: bool = False,
    gauges: bool = True,
    dtype: str = "float64",
) -> InitialReading:
    """Draw a network's weights and read it on one batch.

    Args:
        network: any spec.
        seed: of the weights, as in a training.
        x: the batch, (samples, inputs).
        labels: classes of the samples, (samples,).
        jacobian: whether to take the Jacobian: it costs `outputs` passes back.
        gauges: whether to take the gauges by layer.
        dtype: float32 or float64.
    """
    start()
    # JAX is imported here, after it has been set up.
    from gradgauge.engine.reading import InitialNetwork

    drawn = InitialNetwork(network, seed, x, dtype)
    return InitialReading(
        drawn.gauges(labels) if gauges else {}, drawn.jacobian() if jacobian else None
    )
