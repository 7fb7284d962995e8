"""ELU: a slope that is small below 0 and never 0."""

from __future__ import annotations

from gradgauge.remedies.known._dense import HE, swapped
from gradgauge.remedies.known._lines import swapping
from gradgauge.remedies.remedy import MODULE, Remedy
from gradgauge.remedies.spec.case import SpecCase


def _on_spec(case: SpecCase, knob: float) -> SpecCase:
    del knob
    return swapped(case, "elu", HE)


REMEDY = Remedy(
    "elu_instead",
    reach=MODULE,
    rules=("dead-units",),
    paper="Clevert et al. (2016)",
    touches=frozenset({"activation", "scale"}),
    on_spec=_on_spec,
    patch=swapping("keras.activations.elu", "torch.nn.ELU()", "jax.nn.elu", HE),
)
