"""Initial weights as He draws them: ReLU halves what its inputs carry."""

from __future__ import annotations

from gradgauge.remedies.known._dense import HE, redrawn
from gradgauge.remedies.known._lines import redrawing
from gradgauge.remedies.remedy import WEIGHTS, Remedy
from gradgauge.remedies.spec.case import SpecCase


def _on_spec(case: SpecCase, knob: float) -> SpecCase:
    del knob
    return redrawn(case, HE)


REMEDY = Remedy(
    "he_init",
    reach=WEIGHTS,
    rules=("vanishing-gradient", "dead-units", "bad-initial-scale"),
    paper="He et al. (2015), eq. 10",
    touches=frozenset({"scale"}),
    on_spec=_on_spec,
    patch=redrawing(HE),
)
