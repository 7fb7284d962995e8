"""Batch normalization before the activations."""

from __future__ import annotations

from gradgauge.remedies.known._lines import normalizing
from gradgauge.remedies.known._norms import adding

REMEDY = adding(
    "batch",
    "Ioffe & Szegedy (2015)",
    normalizing("keras.layers.BatchNormalization", "torch.nn.BatchNorm1d", 0),
)
