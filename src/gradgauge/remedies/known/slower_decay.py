"""A rate that stays as it is over the training."""

from __future__ import annotations

from gradgauge.remedies.remedy import OPTIMIZER, Remedy
from gradgauge.remedies.spec.case import SpecCase
from gradgauge.remedies.trainer import CannotApply

_KERAS = """
# @first_rate
config = {**model.optimizer.get_config(), "learning_rate": rate}
optimizer = type(model.optimizer).from_config(config)
model.compile(optimizer=optimizer, loss=model.loss, metrics=["accuracy"])
"""

_PYTORCH = """
# @no_scheduler
scheduler = None
for group in optimizer.param_groups:
    group["lr"] = group.get("initial_lr", group["lr"])
"""

_JAX = """
# @first_rate
optimizer = optax.adam(rate)
"""


def _on_spec(case: SpecCase, knob: float) -> SpecCase:
    del knob
    if case.training.schedule == "constant":
        raise CannotApply("no_schedule")
    return case.train_with(schedule="constant")


REMEDY = Remedy(
    "slower_decay",
    reach=OPTIMIZER,
    rules=("learning-rate-too-low",),
    paper="LeCun et al. (1998), section 4.7",
    touches=frozenset({"schedule"}),
    on_spec=_on_spec,
    idle="no_schedule",
    patch={"keras": _KERAS, "pytorch": _PYTORCH, "jax": _JAX},
)
