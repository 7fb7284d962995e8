"""Layer normalization before the activations."""

from __future__ import annotations

from gradgauge.remedies.known._lines import normalizing
from gradgauge.remedies.remedy import GRAPH, Remedy
from gradgauge.remedies.spec.case import SpecCase
from gradgauge.remedies.trainer import CannotApply


def _on_spec(case: SpecCase, knob: float) -> SpecCase:
    del knob
    if case.network.norm != "none":
        raise CannotApply("normalized")
    return case.built_with(norm="layer")


REMEDY = Remedy(
    "layer_norm",
    reach=GRAPH,
    rules=(
        "vanishing-gradient",
        "exploding-gradient",
        "signal-collapse",
        "saturated-units",
        "dead-units",
    ),
    paper="Ba, Kiros & Hinton (2016)",
    touches=frozenset({"norm"}),
    on_spec=_on_spec,
    patch=normalizing("keras.layers.LayerNormalization", "torch.nn.LayerNorm", -1),
)
