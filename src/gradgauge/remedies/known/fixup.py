"""Residual branches that begin at 0, between identities: at first the network is as shallow as its
inputs and outputs, whatever its depth."""

from __future__ import annotations

import numpy as np

from gradgauge.remedies.known._lines import REBUILT, RESIDUAL
from gradgauge.remedies.known.skips import skipped
from gradgauge.remedies.remedy import GRAPH, Remedy
from gradgauge.remedies.spec.case import SpecCase
from gradgauge.spec.network import NetworkSpec
from gradgauge.study.why.counterfactuals import Weights

_KERAS = """
inputs = h = keras.Input(model.input_shape[1:])
dense, skip = [layer for layer in model.layers[:-1] if isinstance(layer, keras.layers.Dense)], None
branches = max((len(dense) - 1) // 2, 1)
for layer in model.layers[:-1]:
    h = layer(h)
    if isinstance(layer, keras.layers.Dense):
        number = dense.index(layer)
        if number % 2:
            layer.kernel.assign(layer.kernel * branches**-0.5)
        elif number:
            layer.kernel.assign(keras.ops.zeros(layer.kernel.shape))
            layer.bias.assign(keras.ops.zeros(layer.bias.shape))
        if number % 2 == 0:
            h = skip = h if skip is None else keras.layers.Add()([h, skip])
"""

_PYTORCH = """\
linear = [i for i, m in enumerate(model) if isinstance(m, torch.nn.Linear)]
starts = linear[1:-2:2]
ends = [linear[linear.index(at) + 2] for at in starts]
blocks = [Residual(*model[at:end]) for at, end in zip(starts, ends)]
for block in blocks:
    first, last = [m for m in block.branch if isinstance(m, torch.nn.Linear)]
    with torch.no_grad():
        first.weight.mul_(len(blocks) ** -0.5)
    torch.nn.init.zeros_(last.weight)
    torch.nn.init.zeros_(last.bias)
model = torch.nn.Sequential(*model[: linear[1]], *blocks, *model[ends[-1] :])
"""

_JAX = """
# @fixup
if number % 2 == 0:
    h = skip = h if number == 0 else h + skip
"""


def _on_spec(case: SpecCase, knob: float) -> SpecCase:
    del knob
    return skipped(case).adjusted(_branches_from_zero)


def _branches_from_zero(network: NetworkSpec, params: Weights, inputs: np.ndarray) -> Weights:
    """The last layer of every branch at 0, the others times L^(-1 / (2m - 2)) for L branches of m
    layers each."""
    del inputs
    every = network.skip
    branches = max((network.depth - 1) // every, 1)
    others = branches ** (-1 / (2 * every - 2)) if every > 1 else 1.0
    layer, new = 0, []
    for block in params[:-1]:
        weight, bias = block["weight"].copy(), block["bias"].copy()
        for row in range(len(weight)):
            if layer % every:
                weight[row] *= others
            elif layer:
                weight[row], bias[row] = 0.0, 0.0
            layer += 1
        new.append({**block, "weight": weight, "bias": bias})
    return (*new, params[-1])


REMEDY = Remedy(
    "fixup",
    reach=GRAPH,
    rules=("vanishing-gradient", "exploding-gradient", "signal-collapse"),
    paper="Zhang et al. (2019); De & Smith (2020); Bachlechner et al. (2021)",
    touches=frozenset({"skip", "scale"}),
    on_spec=_on_spec,
    patch={"keras": _KERAS + REBUILT, "pytorch": RESIDUAL + _PYTORCH, "jax": _JAX},
)
