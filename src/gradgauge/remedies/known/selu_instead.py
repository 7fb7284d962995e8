"""SELU in the hidden layers: mean 0 and variance 1 are a fixed point."""

from __future__ import annotations

from gradgauge.remedies.known._dense import LECUN, swapped
from gradgauge.remedies.known._lines import swapping
from gradgauge.remedies.remedy import MODULE, Remedy
from gradgauge.remedies.spec.case import SpecCase


def _on_spec(case: SpecCase, knob: float) -> SpecCase:
    del knob
    return swapped(case, "selu", LECUN)


REMEDY = Remedy(
    "selu_instead",
    reach=MODULE,
    rules=("vanishing-gradient", "signal-collapse", "dead-units"),
    paper="Klambauer et al. (2017)",
    touches=frozenset({"activation", "scale"}),
    on_spec=_on_spec,
    patch=swapping("keras.activations.selu", "torch.nn.SELU()", "jax.nn.selu", LECUN),
)
