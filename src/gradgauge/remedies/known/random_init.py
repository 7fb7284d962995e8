"""Weights that differ from unit to unit, of the scale that the activation asks for."""

from __future__ import annotations

from gradgauge.remedies.known._dense import initializer_for, redrawn
from gradgauge.remedies.known._lines import drawing_all_by_activation, initial_for
from gradgauge.remedies.remedy import WEIGHTS, Remedy
from gradgauge.remedies.spec.case import SpecCase


def _on_spec(case: SpecCase, knob: float) -> SpecCase:
    del knob
    return redrawn(case, initializer_for(case.network.activations[0]))


REMEDY = Remedy(
    "random_init",
    reach=WEIGHTS,
    rules=("constant-initialization",),
    paper="Goodfellow, Bengio & Courville (2016), section 8.4",
    touches=frozenset({"scale"}),
    on_spec=_on_spec,
    patch=drawing_all_by_activation(),
    facts=initial_for,
)
