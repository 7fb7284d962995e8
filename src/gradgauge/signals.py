"""What one layer shows in one forward and backward pass: the input of every gauge.

Shapes stand in annotations as jaxtyping writes them, here, in `gauges` and in `theory`; the tests
check them (`tests/shapes.py`). `Absent` is None. To a type checker it is anything, for a gauge
reads a signal only where it is shown (`Gauge.needs`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jaxtyping import Bool, Float

    Absent = Any
else:
    Absent = None

Array = Any
"""Any array with the Python array API: NumPy, JAX or PyTorch."""


@dataclass(frozen=True)
class LayerSignals:
    """One layer's signals. What a source cannot show stays None.

    With B samples in the batch, `n` units and `m` inputs of the layer, `k` units of the next:

    Attributes:
        pre_activation: z, what goes into the activation (after a normalization), (B, n).
        activation: h = f(z), (B, n); after a gate, as in a GLU, half as wide as z.
        slope: f'(z), from the activation's own formula, (B, n).
        activation_grad: g = dLoss/dh, the sum over all paths that leave h, as h.
        delta: dLoss/dz, (B, n); its norm, (1, 1), where nothing else is read.
        delta_next: delta of the layer above, (B, k), or norms of those above, (1, layers).
        weight: W, (m, n), or its entries in a column where there are more axes.
        weight_grad: dLoss/dW, as W; of a sparse one the rows that it has.
        update: the change of W in one step, as W.
        max_slope: the largest abs f', a scalar.
        saturates: whether f is monotone and bounded on both sides, a scalar boolean.
        stream: the residual stream after the sum that the layer's output is a part of, (B, n).
        output_jacobian: d(logits)/d(input) per probe sample, (samples, logits, inputs).
        norms: of signals, by name, as far as gauges have asked (`gauges/norms.norm_of`).

    Loss is the mean over the batch. For other shapes than dense ones the source folds
    positions into the batch axis: a convolution's (B, H, W, C) becomes (B H W, C).
    """

    pre_activation: Float[Array, "batch units"] | Absent = None
    activation: Float[Array, "batch outputs"] | Absent = None
    slope: Float[Array, "batch units"] | Absent = None
    activation_grad: Float[Array, "batch outputs"] | Absent = None
    delta: Float[Array, "#batch #units"] | Absent = None
    delta_next: Float[Array, "#batch next"] | Absent = None
    weight: Float[Array, "fan_in fan_out"] | Absent = None
    weight_grad: Float[Array, "rows columns"] | Absent = None
    update: Float[Array, "fan_in fan_out"] | Absent = None
    max_slope: float | Float[Array, ""] | Absent = None
    saturates: bool | Bool[Array, ""] | Absent = None
    stream: Float[Array, "positions features"] | Absent = None
    output_jacobian: Float[Array, "samples logits inputs"] | Absent = None
    norms: dict[str, Array] = field(default_factory=dict, repr=False, compare=False)
