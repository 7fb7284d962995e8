"""Weights that differ from unit to unit, of the scale that the activation asks for."""

from __future__ import annotations

from gradgauge.remedies.known._dense import initializer_for, redrawn
from gradgauge.remedies.known._remedy import WEIGHTS, Remedy
from gradgauge.remedies.spec.case import SpecCase

_KERAS = """
for layer in model.layers:
    if isinstance(layer, keras.layers.Dense):
        layer.kernel.assign(keras.initializers.HeNormal()(layer.kernel.shape))
        layer.bias.assign(keras.ops.zeros(layer.bias.shape))
"""

_PYTORCH = """
for module in model.modules():
    if isinstance(module, torch.nn.Linear):
        torch.nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        torch.nn.init.zeros_(module.bias)
"""

_JAX = """
# params: [{"weight": (fan_in, units), "bias": (units,)}, ...]
for layer in params:
    key, own = jax.random.split(key)
    layer["weight"] = jax.nn.initializers.he_normal()(own, layer["weight"].shape)
    layer["bias"] = jnp.zeros_like(layer["bias"])
"""


def _on_spec(case: SpecCase, knob: float) -> SpecCase:
    del knob
    return redrawn(case, initializer_for(case.network.activations[0]))


REMEDY = Remedy(
    "random_init",
    reach=WEIGHTS,
    rules=("constant-initialization",),
    paper="Goodfellow, Bengio & Courville (2016), section 8.4",
    touches=frozenset({"scale"}),
    on_spec=_on_spec,
    patch={"keras": _KERAS, "pytorch": _PYTORCH, "jax": _JAX},
)
