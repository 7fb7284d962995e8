"""What mean-field theory predicts for the networks of a comparison, beside what was measured."""

from __future__ import annotations

import math

import numpy as np

from gradgauge.gauges import PROBE_SAMPLES
from gradgauge.study.by_layer import by_layer
from gradgauge.study.compare.result import Comparison


def predicted_delta(comparison: Comparison, name: str) -> np.ndarray | None:
    r"""delta_norm of every layer before training, as theory predicts it from network and data.

        |delta_l| = |delta_(L+1)| sqrt(prod_(k >= l) chi_grad(k))

    The output layer's own norm is the measured one: the theory is about what the layers make of
    it. Nothing is fitted.

    Args:
        comparison: what was trained.
        name: the network.

    Returns:
        One figure a layer, (L + 1,), the output layer's last; None where there is no prediction:
        somebody's own network, weights with a mean, weights that were changed after they were drawn, or data of which
        the inputs' mean square is not known.

    References:
        Schoenholz et al. (2017), section 3; see `gradgauge.theory.network`.
    """
    run, square = comparison.run(name), comparison.data.input_square
    if (
        name not in comparison.networks
        or not run.seeds
        or run.attributes.get("adjusted")
        or not square > 0
    ):
        return None
    # Theory's integrals need SciPy, which takes a third of a second: whoever draws nothing is
    # spared it.
    from gradgauge.theory.network import predict_network

    batch = min(PROBE_SAMPLES, comparison.data.train)
    layers = predict_network(comparison.networks[name], square, batch).layers
    measured = float(by_layer(run, "delta_norm")[-1])
    if not layers or not math.isfinite(measured):
        return None
    return measured * 10.0 ** np.array([*(layer.decades for layer in layers), 0.0])
