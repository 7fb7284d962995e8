"""Half of the hidden layers."""

from __future__ import annotations

from gradgauge.remedies.remedy import SHAPE, Knob, Remedy
from gradgauge.remedies.spec.case import SpecCase
from gradgauge.remedies.trainer import CannotApply


def _on_spec(case: SpecCase, knob: float) -> SpecCase:
    network = case.network
    kept = max(round(knob * network.depth), 1)
    if kept >= network.depth:
        raise CannotApply("too_shallow")
    return case.built_with(hidden=network.hidden[:kept])


REMEDY = Remedy(
    "fewer_layers",
    reach=SHAPE,
    rules=("vanishing-gradient", "signal-collapse"),
    paper="He et al. (2016), section 4.1",
    touches=frozenset({"depth"}),
    knob=Knob(0.5, 0.5, 0.5),
    on_spec=_on_spec,
)
