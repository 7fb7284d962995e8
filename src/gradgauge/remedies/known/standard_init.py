"""The initial weights that frameworks draw where nobody asks for others."""

from __future__ import annotations

from gradgauge.remedies.known._dense import GLOROT, redrawn
from gradgauge.remedies.known._remedy import WEIGHTS, Remedy
from gradgauge.remedies.spec.case import SpecCase

_KERAS = """
for layer in model.layers:
    if isinstance(layer, keras.layers.Dense):
        layer.kernel.assign(keras.initializers.GlorotUniform()(layer.kernel.shape))
        layer.bias.assign(keras.ops.zeros(layer.bias.shape))
"""

_PYTORCH = """
for module in model.modules():
    if isinstance(module, torch.nn.Linear):
        torch.nn.init.xavier_uniform_(module.weight)
        torch.nn.init.zeros_(module.bias)
"""

_JAX = """
# params: [{"weight": (fan_in, units), "bias": (units,)}, ...]
for layer in params:
    key, own = jax.random.split(key)
    layer["weight"] = jax.nn.initializers.glorot_uniform()(own, layer["weight"].shape)
    layer["bias"] = jnp.zeros_like(layer["bias"])
"""


def _on_spec(case: SpecCase, knob: float) -> SpecCase:
    del knob
    return redrawn(case, GLOROT)


REMEDY = Remedy(
    "standard_init",
    reach=WEIGHTS,
    rules=("bad-initial-scale", "constant-initialization"),
    paper="Glorot & Bengio (2010), eq. 16",
    touches=frozenset({"scale"}),
    on_spec=_on_spec,
    patch={"keras": _KERAS, "pytorch": _PYTORCH, "jax": _JAX},
)
