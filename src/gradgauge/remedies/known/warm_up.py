"""A rate that rises slowly over the first steps."""

from __future__ import annotations

from gradgauge.remedies.remedy import OPTIMIZER, Knob, Remedy
from gradgauge.remedies.spec.case import SpecCase

_KERAS = """
# @steps
rate = float(model.optimizer.learning_rate)
model.optimizer.learning_rate = keras.optimizers.schedules.CosineDecay(
    0.0, 10**9, warmup_target=rate, warmup_steps=int($knob * steps)
)
"""

_PYTORCH = """
# @steps_and_call
warm_up = torch.optim.lr_scheduler.LinearLR(optimizer, 1e-8, total_iters=int($knob * steps))
"""

_JAX = """
# @steps
warm_up = optax.scale_by_schedule(optax.linear_schedule(0.0, 1.0, int($knob * steps)))
optimizer = optax.chain(optimizer, warm_up)
"""


def _on_spec(case: SpecCase, knob: float) -> SpecCase:
    return case.train_with(warmup_steps=max(round(knob * case.steps), 1))


REMEDY = Remedy(
    "warm_up",
    reach=OPTIMIZER,
    rules=("regressed", "learning-rate-too-high", "exploding-gradient"),
    paper="Goyal et al. (2017); Xiong et al. (2020)",
    touches=frozenset({"schedule"}),
    knob=Knob(0.1, 0.01, 0.5, (0.05, 0.1, 0.3)),
    on_spec=_on_spec,
    patch={"keras": _KERAS, "pytorch": _PYTORCH, "jax": _JAX},
)
