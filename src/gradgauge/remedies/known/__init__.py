"""Every remedy. To add one: a file here, a line in REMEDIES at its place among what answers the
same rules (cheap and causal first), its name and advice in both catalogues, a row in
docs/remedy.md."""

from __future__ import annotations

from gradgauge.remedies.known import (
    adam_instead,
    adaptive_clipping,
    asymmetric_init,
    batch_norm,
    bias_zero,
    clip_gradients,
    critical_scale,
    elu_instead,
    fewer_layers,
    fixup,
    gain_and_centring,
    gelu_instead,
    he_init,
    larger_epsilon,
    layer_norm,
    layerwise_rates,
    leaky_relu,
    lsuv,
    metainit,
    no_dropout,
    orthogonal_critical,
    positive_bias,
    random_init,
    rates,
    rates_alike,
    relu_instead,
    revive_units,
    right_gain,
    scale_inputs,
    selu_instead,
    skips,
    slower_decay,
    smaller_init,
    standard_init,
    tanh_instead,
    warm_up,
)
from gradgauge.remedies.known.by_hand import BY_HAND
from gradgauge.remedies.known.certain import CERTAIN
from gradgauge.remedies.known.data_repairs import DATA_REPAIRS
from gradgauge.remedies.known.recurrent import RECURRENT
from gradgauge.remedies.remedy import FRAMEWORKS, REACHES, Knob, Remedy

REMEDIES: tuple[Remedy, ...] = (
    *CERTAIN,
    *DATA_REPAIRS,
    random_init.REMEDY,
    right_gain.REMEDY,
    scale_inputs.REMEDY,
    gain_and_centring.REMEDY,
    critical_scale.REMEDY,
    he_init.REMEDY,
    standard_init.REMEDY,
    smaller_init.REMEDY,
    bias_zero.REMEDY,
    asymmetric_init.REMEDY,
    positive_bias.REMEDY,
    revive_units.REMEDY,
    rates.RATE_TO,
    rates.LOWER_RATE,
    rates.HIGHER_RATE,
    rates_alike.REMEDY,
    slower_decay.REMEDY,
    clip_gradients.REMEDY,
    adaptive_clipping.REMEDY,
    layerwise_rates.REMEDY,
    warm_up.REMEDY,
    adam_instead.REMEDY,
    lsuv.REMEDY,
    no_dropout.REMEDY,
    relu_instead.REMEDY,
    layer_norm.REMEDY,
    skips.REMEDY,
    fixup.REMEDY,
    orthogonal_critical.REMEDY,
    selu_instead.REMEDY,
    tanh_instead.REMEDY,
    leaky_relu.REMEDY,
    elu_instead.REMEDY,
    gelu_instead.REMEDY,
    batch_norm.REMEDY,
    larger_epsilon.REMEDY,
    metainit.REMEDY,
    *RECURRENT,
    fewer_layers.REMEDY,
    *BY_HAND,
)

BY_KEY = {remedy.key: remedy for remedy in REMEDIES}

__all__ = ["BY_KEY", "FRAMEWORKS", "REACHES", "REMEDIES", "Knob", "Remedy"]
