"""Every rule. To add one: a file here, a line in RULES, limits in thresholds.toml, texts in the
catalogue, a section in docs/rules.md."""

from __future__ import annotations

from gradgauge.diagnosis.rules import (
    bad_initial_scale,
    constant_initialization,
    dead_units,
    exploding_gradient,
    learning_rate_too_high,
    learning_rate_too_low,
    loss_mismatch,
    loss_not_falling,
    non_finite,
    saturated_units,
    signal_collapse,
    unreached_layer,
    unscaled_input,
    update_ratio,
    vanishing_gradient,
)
from gradgauge.diagnosis.rules._rule import Rule

RULES: tuple[Rule, ...] = (
    vanishing_gradient.RULE,
    exploding_gradient.RULE,
    dead_units.RULE,
    saturated_units.RULE,
    signal_collapse.RULE,
    loss_mismatch.RULE,
    unscaled_input.RULE,
    learning_rate_too_high.RULE,
    learning_rate_too_low.RULE,
    loss_not_falling.RULE,
    non_finite.RULE,
    constant_initialization.RULE,
    bad_initial_scale.RULE,
    unreached_layer.RULE,
    update_ratio.RULE,
)

BY_NAME = {rule.name: rule for rule in RULES}
