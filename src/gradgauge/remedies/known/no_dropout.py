"""Dropout taken out: it moves the point at which inputs stay apart, and in a deep network away from
any depth that trains."""

from __future__ import annotations

from gradgauge.remedies.remedy import MODULE, Remedy, cannot

_KERAS = """
for layer in model.layers:
    if isinstance(layer, keras.layers.Dropout):
        layer.rate = 0.0
optimizer = type(model.optimizer).from_config(model.optimizer.get_config())
model.compile(optimizer=optimizer, loss=model.loss, metrics=["accuracy"])
"""

_PYTORCH = """
for module in model.modules():
    if isinstance(module, torch.nn.modules.dropout._DropoutNd):
        module.p = 0.0
"""

_JAX = """
# @dropout
rate = 0.0
"""

REMEDY = Remedy(
    "no_dropout",
    reach=MODULE,
    rules=("signal-collapse", "loss-not-falling"),
    paper="Schoenholz et al. (2017), section 4.4",
    touches=frozenset({"dropout"}),
    on_spec=cannot("no_dropout"),
    idle="no_dropout",
    patch={"keras": _KERAS, "pytorch": _PYTORCH, "jax": _JAX},
)
