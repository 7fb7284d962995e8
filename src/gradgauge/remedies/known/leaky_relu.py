"""Leaky ReLU: a slope that is never 0."""

from __future__ import annotations

from gradgauge.remedies.known._dense import HE, swapped
from gradgauge.remedies.known._remedy import MODULE, Remedy
from gradgauge.remedies.spec.case import SpecCase

_KERAS = """
for layer in model.layers[:-1]:
    if hasattr(layer, "activation"):
        layer.activation = keras.activations.leaky_relu
    if isinstance(layer, keras.layers.Dense):
        layer.kernel.assign(keras.initializers.HeNormal()(layer.kernel.shape))
optimizer = type(model.optimizer).from_config(model.optimizer.get_config())
model.compile(optimizer=optimizer, loss=model.loss, metrics=["accuracy"])
"""

_PYTORCH = """
# Before the optimizer is made.
for name, module in list(model.named_children()):
    if type(module).__module__ == "torch.nn.modules.activation":
        setattr(model, name, torch.nn.LeakyReLU(0.01))
    elif isinstance(module, torch.nn.Linear):
        torch.nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
"""

_JAX = """
# params: [{"weight": (fan_in, units), "bias": (units,)}, ...]
f = jax.nn.leaky_relu  # in place of the hidden activation
for layer in params:
    key, own = jax.random.split(key)
    layer["weight"] = jax.nn.initializers.he_normal()(own, layer["weight"].shape)
"""


def _on_spec(case: SpecCase, knob: float) -> SpecCase:
    del knob
    return swapped(case, "leaky_relu", HE)


REMEDY = Remedy(
    "leaky_relu",
    reach=MODULE,
    rules=("dead-units",),
    paper="Maas et al. (2013)",
    touches=frozenset({"activation", "scale"}),
    on_spec=_on_spec,
    patch={"keras": _KERAS, "pytorch": _PYTORCH, "jax": _JAX},
)
