"""tanh in the hidden layers: slope 1 and mean 0 at the origin."""

from __future__ import annotations

from gradgauge.remedies.known._dense import GLOROT, swapped
from gradgauge.remedies.known._lines import swapping
from gradgauge.remedies.remedy import MODULE, Remedy
from gradgauge.remedies.spec.case import SpecCase


def _on_spec(case: SpecCase, knob: float) -> SpecCase:
    del knob
    return swapped(case, "tanh", GLOROT)


REMEDY = Remedy(
    "tanh_instead",
    reach=MODULE,
    rules=("vanishing-gradient", "signal-collapse"),
    paper="LeCun et al. (1998), section 4.4",
    touches=frozenset({"activation", "scale"}),
    on_spec=_on_spec,
    patch=swapping("keras.activations.tanh", "torch.nn.Tanh()", "jax.nn.tanh", GLOROT),
)
