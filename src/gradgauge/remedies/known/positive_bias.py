"""Small positive biases of hidden layers: units begin open for most inputs."""

from __future__ import annotations

import numpy as np

from gradgauge.remedies.remedy import WEIGHTS, Knob, Remedy
from gradgauge.remedies.spec.case import SpecCase
from gradgauge.spec.network import NetworkSpec
from gradgauge.study.why.counterfactuals import Weights

_KERAS = """
dense = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]
for layer in dense[:-1]:
    layer.bias.assign($knob * keras.ops.ones(layer.bias.shape))
"""

_PYTORCH = """
for module in [m for m in model.modules() if isinstance(m, torch.nn.Linear)][:-1]:
    torch.nn.init.constant_(module.bias, $knob)
"""

_JAX = """
# params: [{"weight": (fan_in, units), "bias": (units,)}, ...]
for layer in params[:-1]:
    layer["bias"] = jnp.full_like(layer["bias"], $knob)
"""


def _on_spec(case: SpecCase, knob: float) -> SpecCase:
    def adjustment(network: NetworkSpec, params: Weights, inputs: np.ndarray) -> Weights:
        del network, inputs
        hidden = ({**block, "bias": np.full_like(block["bias"], knob)} for block in params[:-1])
        return (*hidden, params[-1])

    return case.adjusted(adjustment)


REMEDY = Remedy(
    "positive_bias",
    reach=WEIGHTS,
    rules=("dead-units",),
    paper="Krizhevsky et al. (2012), section 5",
    touches=frozenset({"bias"}),
    knob=Knob(0.1, 0.01, 1.0),
    on_spec=_on_spec,
    patch={"keras": _KERAS, "pytorch": _PYTORCH, "jax": _JAX},
)
