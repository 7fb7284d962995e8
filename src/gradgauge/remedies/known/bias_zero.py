"""Biases that begin at 0: a large negative one keeps its unit shut."""

from __future__ import annotations

import numpy as np

from gradgauge.remedies.remedy import WEIGHTS, Remedy
from gradgauge.remedies.spec.case import SpecCase
from gradgauge.spec.network import NetworkSpec
from gradgauge.study.why.counterfactuals import Weights

_KERAS = """
for layer in model.layers:
    if getattr(layer, "bias", None) is not None:
        layer.bias.assign(keras.ops.zeros(layer.bias.shape))
"""

_PYTORCH = """
for module in model.modules():
    if getattr(module, "bias", None) is not None:
        torch.nn.init.zeros_(module.bias)
"""

_JAX = """
# params: [{"weight": (fan_in, units), "bias": (units,)}, ...]
for layer in params:
    layer["bias"] = jnp.zeros_like(layer["bias"])
"""


def _on_spec(case: SpecCase, knob: float) -> SpecCase:
    del knob
    return case.adjusted(_zero)


def _zero(network: NetworkSpec, params: Weights, inputs: np.ndarray) -> Weights:
    del network, inputs
    return tuple({**block, "bias": np.zeros_like(block["bias"])} for block in params)


REMEDY = Remedy(
    "bias_zero",
    reach=WEIGHTS,
    rules=("dead-units",),
    paper="Glorot & Bengio (2010)",
    touches=frozenset({"bias"}),
    on_spec=_on_spec,
    patch={"keras": _KERAS, "pytorch": _PYTORCH, "jax": _JAX},
)
