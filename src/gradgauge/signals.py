"""What one layer shows in one forward and backward pass: the input of every gauge."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Array = Any
"""Any array with the Python array API: NumPy, JAX or PyTorch."""


@dataclass(frozen=True)
class LayerSignals:
    """One layer's signals. What a source cannot show stays None.

    With B samples in the batch, `n` units and `m` inputs of the layer, `k` units of the next:

    Attributes:
        pre_activation: z, what goes into the activation (after a normalisation), (B, n).
        activation: h = f(z), (B, n).
        slope: f'(z), from the activation's own formula, (B, n).
        activation_grad: g = dLoss/dh, the sum over all paths that leave h, (B, n).
        delta: dLoss/dz, (B, n).
        delta_next: delta of the layer above, (B, k).
        weight: W, (m, n).
        weight_grad: dLoss/dW, (m, n).
        update: the change of W in one step, (m, n).
        max_slope: the largest abs f', a scalar.
        saturates: whether f is monotone and bounded on both sides, a scalar boolean.
        stream: the residual stream behind the sum that the layer's output is a part of, (B, n).
        output_jacobian: d(logits)/d(input) per probe sample, (B, outputs, inputs).
        norms: of signals, by name, as far as gauges have asked (`gauges/_norms.norm_of`).

    Loss is the mean over the batch. For other shapes than dense ones the source folds
    positions into the batch axis: a convolution's (B, H, W, C) becomes (B H W, C).
    """

    pre_activation: Array = None
    activation: Array = None
    slope: Array = None
    activation_grad: Array = None
    delta: Array = None
    delta_next: Array = None
    weight: Array = None
    weight_grad: Array = None
    update: Array = None
    max_slope: Array = None
    saturates: Array = None
    stream: Array = None
    output_jacobian: Array = None
    norms: dict[str, Array] = field(default_factory=dict, repr=False, compare=False)
