"""Leaky ReLU: a slope that is never 0."""

from __future__ import annotations

from gradgauge.remedies.known._dense import HE, swapped
from gradgauge.remedies.known._lines import swapping
from gradgauge.remedies.remedy import MODULE, Remedy
from gradgauge.remedies.spec.case import SpecCase


def _on_spec(case: SpecCase, knob: float) -> SpecCase:
    del knob
    return swapped(case, "leaky_relu", HE)


REMEDY = Remedy(
    "leaky_relu",
    reach=MODULE,
    rules=("dead-units",),
    paper="Maas et al. (2013)",
    touches=frozenset({"activation", "scale"}),
    on_spec=_on_spec,
    patch=swapping(
        "keras.activations.leaky_relu", "torch.nn.LeakyReLU(0.01)", "jax.nn.leaky_relu", HE
    ),
)
