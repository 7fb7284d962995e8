"""Adam: every weight gets a step of its own size."""

from __future__ import annotations

from gradgauge.remedies.remedy import OPTIMIZER, Knob, Remedy
from gradgauge.remedies.spec.case import SpecCase
from gradgauge.remedies.trainer import CannotApply

_KERAS = """
model.compile(
    optimizer=keras.optimizers.Adam($knob), loss=model.loss, metrics=["accuracy"]
)
"""

_PYTORCH = """
optimizer = torch.optim.Adam(model.parameters(), lr=$knob)
"""

_JAX = """
optimizer = optax.adam($knob)
"""


def _on_spec(case: SpecCase, knob: float) -> SpecCase:
    if case.training.optimizer.startswith("adam"):
        raise CannotApply("already")
    return case.train_with(optimizer="adam", learning_rate=knob)


REMEDY = Remedy(
    "adam_instead",
    reach=OPTIMIZER,
    rules=("loss-not-falling", "learning-rate-too-low", "update-ratio"),
    paper="Kingma & Ba (2015)",
    touches=frozenset({"optimizer"}),
    knob=Knob(1e-3, 1e-4, 1e-2, (3e-4, 1e-3, 3e-3)),
    on_spec=_on_spec,
    patch={"keras": _KERAS, "pytorch": _PYTORCH, "jax": _JAX},
)
