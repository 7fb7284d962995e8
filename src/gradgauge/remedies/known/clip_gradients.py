"""The gradient's norm over all parameters cut to a limit."""

from __future__ import annotations

from gradgauge.remedies.remedy import OPTIMIZER, Knob, Remedy
from gradgauge.remedies.spec.case import SpecCase

_KERAS = """
model.optimizer.global_clipnorm = $knob
"""

_PYTORCH = """
# @between_steps
torch.nn.utils.clip_grad_norm_(model.parameters(), $knob)
"""

_JAX = """
optimizer = optax.chain(optax.clip_by_global_norm($knob), optimizer)
"""


def _on_spec(case: SpecCase, knob: float) -> SpecCase:
    return case.train_with(clip_norm=knob)


REMEDY = Remedy(
    "clip_gradients",
    reach=OPTIMIZER,
    rules=("exploding-gradient", "learning-rate-too-high", "non-finite", "regressed"),
    paper="Pascanu, Mikolov & Bengio (2013)",
    touches=frozenset({"clip"}),
    knob=Knob(1.0, 0.01, 10.0, (0.1, 1.0, 5.0)),
    on_spec=_on_spec,
    patch={"keras": _KERAS, "pytorch": _PYTORCH, "jax": _JAX},
)
