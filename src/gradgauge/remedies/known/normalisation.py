"""Layer normalization before the activations."""

from __future__ import annotations

from gradgauge.remedies.known._remedy import GRAPH, Remedy
from gradgauge.remedies.spec.case import SpecCase
from gradgauge.remedies.trainer import CannotApply

_KERAS = """
inputs = h = keras.Input(model.input_shape[1:])
for layer in model.layers[:-1]:
    if isinstance(layer, keras.layers.Dense):
        h = keras.layers.Dense(layer.units, kernel_initializer=layer.kernel_initializer)(h)
        h = keras.layers.LayerNormalization()(h)
        h = keras.layers.Activation(layer.activation)(h)
    else:
        h = layer(h)
optimizer = type(model.optimizer).from_config(model.optimizer.get_config())
loss = model.loss
model = keras.Model(inputs, model.layers[-1](h))
model.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"])
"""

_PYTORCH = """
# Before the optimizer is made.
linear = [m for m in model if isinstance(m, torch.nn.Linear)]
model = torch.nn.Sequential(
    *(
        torch.nn.Sequential(m, torch.nn.LayerNorm(m.out_features))
        if isinstance(m, torch.nn.Linear) and m is not linear[-1]
        else m
        for m in model
    )
)
"""

_JAX = """
# In the forward pass, on each hidden layer's z, before the activation.
z = (z - z.mean(axis=-1, keepdims=True)) / jnp.sqrt(z.var(axis=-1, keepdims=True) + 1e-3)
z = layer["gamma"] * z + layer["beta"]  # new parameters, 1 and 0 at first
"""


def _on_spec(case: SpecCase, knob: float) -> SpecCase:
    del knob
    if case.network.norm != "none":
        raise CannotApply("normalized")
    return case.built_with(norm="layer")


REMEDY = Remedy(
    "normalisation",
    reach=GRAPH,
    rules=(
        "vanishing-gradient",
        "exploding-gradient",
        "signal-collapse",
        "saturated-units",
        "dead-units",
    ),
    paper="Ba, Kiros & Hinton (2016)",
    touches=frozenset({"norm"}),
    on_spec=_on_spec,
    patch={"keras": _KERAS, "pytorch": _PYTORCH, "jax": _JAX},
)
