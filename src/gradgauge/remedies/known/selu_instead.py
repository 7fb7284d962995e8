"""SELU in the hidden layers: mean 0 and variance 1 are a fixed point."""

from __future__ import annotations

from gradgauge.remedies.known._dense import LECUN, swapped
from gradgauge.remedies.known._remedy import MODULE, Remedy
from gradgauge.remedies.spec.case import SpecCase

_KERAS = """
for layer in model.layers[:-1]:
    if hasattr(layer, "activation"):
        layer.activation = keras.activations.selu
    if isinstance(layer, keras.layers.Dense):
        layer.kernel.assign(keras.initializers.LecunNormal()(layer.kernel.shape))
optimizer = type(model.optimizer).from_config(model.optimizer.get_config())
model.compile(optimizer=optimizer, loss=model.loss, metrics=["accuracy"])
"""

_PYTORCH = """
# Before the optimizer is made.
for name, module in list(model.named_children()):
    if type(module).__module__ == "torch.nn.modules.activation":
        setattr(model, name, torch.nn.SELU())
    elif isinstance(module, torch.nn.Linear):
        torch.nn.init.normal_(module.weight, std=module.in_features**-0.5)
"""

_JAX = """
# params: [{"weight": (fan_in, units), "bias": (units,)}, ...]
f = jax.nn.selu  # in place of the hidden activation
for layer in params:
    key, own = jax.random.split(key)
    layer["weight"] = jax.nn.initializers.lecun_normal()(own, layer["weight"].shape)
"""


def _on_spec(case: SpecCase, knob: float) -> SpecCase:
    del knob
    return swapped(case, "selu", LECUN)


REMEDY = Remedy(
    "selu_instead",
    reach=MODULE,
    rules=("vanishing-gradient", "signal-collapse", "dead-units"),
    paper="Klambauer et al. (2017)",
    touches=frozenset({"activation", "scale"}),
    on_spec=_on_spec,
    patch={"keras": _KERAS, "pytorch": _PYTORCH, "jax": _JAX},
)
