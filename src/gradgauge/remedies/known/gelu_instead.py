"""GELU: a slope that is 0 at no more than a point."""

from __future__ import annotations

from gradgauge.remedies.known._dense import HE, swapped
from gradgauge.remedies.known._lines import swapping
from gradgauge.remedies.remedy import MODULE, Remedy
from gradgauge.remedies.spec.case import SpecCase


def _on_spec(case: SpecCase, knob: float) -> SpecCase:
    del knob
    return swapped(case, "gelu", HE)


REMEDY = Remedy(
    "gelu_instead",
    reach=MODULE,
    rules=("dead-units",),
    paper="Hendrycks & Gimpel (2016)",
    touches=frozenset({"activation", "scale"}),
    on_spec=_on_spec,
    patch=swapping("keras.activations.gelu", "torch.nn.GELU()", "jax.nn.gelu", HE),
)
