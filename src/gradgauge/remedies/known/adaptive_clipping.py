"""The gradient of every unit cut to a share of the norm of its weights."""

from __future__ import annotations

from gradgauge.remedies.remedy import OPTIMIZER, Knob, Remedy, cannot

_KERAS = """
class Clipped(type(model.optimizer)):
    def apply(self, grads, trainable_variables=None):
        variables = model.trainable_variables if trainable_variables is None else trainable_variables
        super().apply([self.cut(g, v) for g, v in zip(grads, variables)], trainable_variables)

    def cut(self, gradient, variable):
        axes = tuple(range(max(len(variable.shape) - 1, 1)))
        of = lambda a: keras.ops.sqrt(keras.ops.sum(a * a, axis=axes, keepdims=True))
        most = $knob * keras.ops.maximum(of(variable), 1e-3)
        return gradient * keras.ops.minimum(1.0, most / keras.ops.maximum(of(gradient), 1e-6))


optimizer = Clipped.from_config(model.optimizer.get_config())
model.compile(optimizer=optimizer, loss=model.loss, metrics=["accuracy"])
"""

_PYTORCH = """
# @between_steps
for weight in [p for p in model.parameters() if p.grad is not None]:
    axes = tuple(range(1, weight.dim())) or (0,)
    most = $knob * weight.detach().norm(dim=axes, keepdim=True).clamp(min=1e-3)
    weight.grad.mul_((most / weight.grad.norm(dim=axes, keepdim=True).clamp(min=1e-6)).clamp(max=1))
"""

_JAX = """
optimizer = optax.chain(optax.adaptive_grad_clip($knob), optimizer)
"""

REMEDY = Remedy(
    "adaptive_clipping",
    reach=OPTIMIZER,
    rules=("exploding-gradient", "learning-rate-too-high", "non-finite", "update-ratio"),
    paper="Brock et al. (2021), arXiv 2102.06171",
    touches=frozenset({"clip"}),
    knob=Knob(0.01, 0.001, 1.0, (0.01, 0.1)),
    on_spec=cannot("no_such_step"),
    patch={"keras": _KERAS, "pytorch": _PYTORCH, "jax": _JAX},
)
