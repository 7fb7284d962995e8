"""Steps as long as a share of each layer's weights: one rate for layers of any scale."""

from __future__ import annotations

from gradgauge.remedies.remedy import OPTIMIZER, Knob, Remedy, cannot

_KERAS = """
class Layerwise(type(model.optimizer)):
    def apply(self, grads, trainable_variables=None):
        variables = model.trainable_variables if trainable_variables is None else trainable_variables
        old = [keras.ops.copy(v) for v in variables]
        super().apply(grads, trainable_variables)
        for before, variable in zip(old, variables):
            step = variable - before
            whole, own = (keras.ops.sqrt(keras.ops.sum(a * a)) for a in (before, step))
            share = $knob * whole / keras.ops.maximum(own, 1e-30)
            variable.assign(before + step * keras.ops.where(whole > 0, share, 1.0))


optimizer = Layerwise.from_config(model.optimizer.get_config())
model.compile(optimizer=optimizer, loss=model.loss, metrics=["accuracy"])
"""

_PYTORCH = """
old = {}


def before_step(optimizer, args, kwargs):
    for group in optimizer.param_groups:
        old.update({p: p.detach().clone() for p in group["params"]})


def after_step(optimizer, args, kwargs):
    with torch.no_grad():
        for weight, before in old.items():
            step = weight - before
            if before.norm() > 0 and step.norm() > 0:
                weight.copy_(before + step * ($knob * before.norm() / step.norm()))


optimizer.register_step_pre_hook(before_step)
optimizer.register_step_post_hook(after_step)
"""

_JAX = """
optimizer = optax.chain(optimizer, optax.scale_by_trust_ratio(), optax.scale($knob))
"""

REMEDY = Remedy(
    "layerwise_rates",
    reach=OPTIMIZER,
    rules=("update-ratio",),
    paper="You et al. (2017), LARS; You et al. (2020), LAMB",
    touches=frozenset({"rate", "optimizer"}),
    knob=Knob(1e-3, 1e-4, 1e-2, (1e-3, 1e-2)),
    on_spec=cannot("no_such_step"),
    patch={"keras": _KERAS, "pytorch": _PYTORCH, "jax": _JAX},
)
