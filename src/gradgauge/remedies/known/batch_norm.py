"""Batch normalization before the activations."""

from __future__ import annotations

from gradgauge.remedies.known._lines import normalizing
from gradgauge.remedies.remedy import GRAPH, Remedy
from gradgauge.remedies.spec.case import SpecCase
from gradgauge.remedies.trainer import CannotApply


def _on_spec(case: SpecCase, knob: float) -> SpecCase:
    del knob
    if case.network.norm != "none":
        raise CannotApply("normalized")
    return case.built_with(norm="batch")


REMEDY = Remedy(
    "batch_norm",
    reach=GRAPH,
    rules=(
        "vanishing-gradient",
        "exploding-gradient",
        "signal-collapse",
        "saturated-units",
        "dead-units",
    ),
    paper="Ioffe & Szegedy (2015)",
    touches=frozenset({"norm"}),
    on_spec=_on_spec,
    patch=normalizing("keras.layers.BatchNormalization", "torch.nn.BatchNorm1d", 0),
)
