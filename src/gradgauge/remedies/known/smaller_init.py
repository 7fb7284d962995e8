"""Smaller initial weights, biases of 0."""

from __future__ import annotations

from gradgauge.remedies.remedy import WEIGHTS, Knob, Remedy
from gradgauge.remedies.spec.case import SpecCase

_KERAS = """
for layer in model.layers:
    if isinstance(layer, (keras.layers.Dense, keras.layers.Conv1D, keras.layers.Conv2D)):
        layer.kernel.assign(layer.kernel * $knob)
        if layer.bias is not None:
            layer.bias.assign(keras.ops.zeros(layer.bias.shape))
"""

_PYTORCH = """
with torch.no_grad():
    for module in model.modules():
        if isinstance(module, (torch.nn.Linear, torch.nn.Conv1d, torch.nn.Conv2d)):
            module.weight.mul_($knob)
            if module.bias is not None:
                module.bias.zero_()
"""

_JAX = """
# params: [{"weight": (fan_in, units), "bias": (units,)}, ...]
for layer in params:
    layer["weight"] = layer["weight"] * $knob
    layer["bias"] = jnp.zeros_like(layer["bias"])
"""


def _on_spec(case: SpecCase, knob: float) -> SpecCase:
    return case.built_with(scale=case.network.scale * knob, bias_std=0.0)


REMEDY = Remedy(
    "smaller_init",
    reach=WEIGHTS,
    rules=("exploding-gradient", "saturated-units", "bad-initial-scale"),
    paper="Glorot & Bengio (2010)",
    touches=frozenset({"scale"}),
    knob=Knob(0.3, 0.03, 1.0, (0.1, 0.3, 0.6)),
    on_spec=_on_spec,
    patch={"keras": _KERAS, "pytorch": _PYTORCH, "jax": _JAX},
)
