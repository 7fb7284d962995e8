"""ReLU in the hidden layers, with the weights that it needs."""

from __future__ import annotations

from gradgauge.remedies.known._dense import HE, swapped
from gradgauge.remedies.known._lines import swapping
from gradgauge.remedies.remedy import MODULE, Remedy
from gradgauge.remedies.spec.case import SpecCase


def _on_spec(case: SpecCase, knob: float) -> SpecCase:
    del knob
    return swapped(case, "relu", HE)


REMEDY = Remedy(
    "relu_instead",
    reach=MODULE,
    rules=("vanishing-gradient", "signal-collapse", "saturated-units", "loss-not-falling"),
    paper="Glorot et al. (2011); He et al. (2015)",
    touches=frozenset({"activation", "scale"}),
    on_spec=_on_spec,
    patch=swapping("keras.activations.relu", "torch.nn.ReLU()", "jax.nn.relu", HE),
)
