"""The initial weights that frameworks draw where nobody asks for others."""

from __future__ import annotations

from gradgauge.remedies.known._dense import GLOROT, redrawn
from gradgauge.remedies.known._lines import redrawing
from gradgauge.remedies.remedy import WEIGHTS, Remedy
from gradgauge.remedies.spec.case import SpecCase


def _on_spec(case: SpecCase, knob: float) -> SpecCase:
    del knob
    return redrawn(case, GLOROT)


REMEDY = Remedy(
    "standard_init",
    reach=WEIGHTS,
    rules=("bad-initial-scale", "constant-initialization"),
    paper="Glorot & Bengio (2010), eq. 16",
    touches=frozenset({"scale"}),
    on_spec=_on_spec,
    patch=redrawing(GLOROT),
)
