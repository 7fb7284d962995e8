"""Layer normalization before the activations."""

from __future__ import annotations

from gradgauge.remedies.known._lines import normalizing
from gradgauge.remedies.known._norms import adding

REMEDY = adding(
    "layer",
    "Ba, Kiros & Hinton (2016)",
    normalizing("keras.layers.LayerNormalization", "torch.nn.LayerNorm", -1),
)
