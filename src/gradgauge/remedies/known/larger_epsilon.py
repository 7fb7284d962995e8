"""A larger epsilon in batch normalization, which makes gradients grow from layer to layer: it
normalizes less."""

from __future__ import annotations

from gradgauge.remedies.remedy import MODULE, Knob, Remedy, cannot

_KERAS = """
for layer in model.layers:
    if isinstance(layer, keras.layers.BatchNormalization):
        layer.epsilon = $knob
optimizer = type(model.optimizer).from_config(model.optimizer.get_config())
model.compile(optimizer=optimizer, loss=model.loss, metrics=["accuracy"])
"""

_PYTORCH = """
for module in model.modules():
    if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
        module.eps = $knob
"""

_JAX = """
# @epsilon
epsilon = $knob
"""

REMEDY = Remedy(
    "larger_epsilon",
    reach=MODULE,
    rules=("exploding-gradient",),
    paper="Yang et al. (2019), section 4",
    touches=frozenset({"norm"}),
    knob=Knob(0.1, 0.01, 10.0, (0.1, 1.0)),
    on_spec=cannot("no_batch_norm"),
    idle="no_batch_norm",
    patch={"keras": _KERAS, "pytorch": _PYTORCH, "jax": _JAX},
)
