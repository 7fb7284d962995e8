"""tanh in the hidden layers: slope 1 and mean 0 at the origin."""

from __future__ import annotations

from gradgauge.remedies.known._dense import GLOROT, swapped
from gradgauge.remedies.known._remedy import MODULE, Remedy
from gradgauge.remedies.spec.case import SpecCase

_KERAS = """
for layer in model.layers[:-1]:
    if hasattr(layer, "activation"):
        layer.activation = keras.activations.tanh
    if isinstance(layer, keras.layers.Dense):
        layer.kernel.assign(keras.initializers.GlorotUniform()(layer.kernel.shape))
optimizer = type(model.optimizer).from_config(model.optimizer.get_config())
model.compile(optimizer=optimizer, loss=model.loss, metrics=["accuracy"])
"""

_PYTORCH = """
# Before the optimizer is made.
for name, module in list(model.named_children()):
    if type(module).__module__ == "torch.nn.modules.activation":
        setattr(model, name, torch.nn.Tanh())
    elif isinstance(module, torch.nn.Linear):
        torch.nn.init.xavier_uniform_(module.weight)
"""

_JAX = """
# params: [{"weight": (fan_in, units), "bias": (units,)}, ...]
f = jax.nn.tanh  # in place of the hidden activation
for layer in params:
    key, own = jax.random.split(key)
    layer["weight"] = jax.nn.initializers.glorot_uniform()(own, layer["weight"].shape)
"""


def _on_spec(case: SpecCase, knob: float) -> SpecCase:
    del knob
    return swapped(case, "tanh", GLOROT)


REMEDY = Remedy(
    "tanh_instead",
    reach=MODULE,
    rules=("vanishing-gradient", "signal-collapse"),
    paper="LeCun et al. (1998), section 4.4",
    touches=frozenset({"activation", "scale"}),
    on_spec=_on_spec,
    patch={"keras": _KERAS, "pytorch": _PYTORCH, "jax": _JAX},
)
