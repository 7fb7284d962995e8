"""Every rule. To add one: a file here, a line in RULES at its place among causes, limits in
thresholds.toml, texts in both catalogues; then make docs/rules.md anew."""

from __future__ import annotations

from gradgauge.diagnosis.rule import Rule, ask
from gradgauge.diagnosis.rules import (
    bad_initial_scale,
    batch_mixing,
    constant_initialization,
    dead_units,
    exploding_gradient,
    index_out_of_range,
    learning_rate_too_high,
    learning_rate_too_low,
    loss_mismatch,
    loss_not_falling,
    non_finite,
    regressed,
    saturated_units,
    signal_collapse,
    stale_gradients,
    train_eval_gap,
    unreached_layer,
    unscaled_input,
    unshuffled_batches,
    update_ratio,
    vanishing_gradient,
)
from gradgauge.errors import UnknownName

RULES: tuple[Rule, ...] = (
    loss_mismatch.RULE,
    index_out_of_range.RULE,
    batch_mixing.RULE,
    non_finite.RULE,
    constant_initialization.RULE,
    unreached_layer.RULE,
    stale_gradients.RULE,
    unshuffled_batches.RULE,
    train_eval_gap.RULE,
    bad_initial_scale.RULE,
    unscaled_input.RULE,
    learning_rate_too_high.RULE,
    learning_rate_too_low.RULE,
    saturated_units.RULE,
    dead_units.RULE,
    vanishing_gradient.RULE,
    exploding_gradient.RULE,
    signal_collapse.RULE,
    update_ratio.RULE,
    regressed.RULE,
    loss_not_falling.RULE,
)
"""In the order of causes: what stands first makes what comes after it. Wiring and data, then
initial weights, inputs and rates, then mechanisms, then the symptom that all of them end in.
`ranking.EXEMPTIONS` has the cases where this order is wrong."""

BY_NAME = {rule.name: rule for rule in RULES}


def rule_of(name: str) -> Rule:
    """The rule of that name.

    Raises:
        UnknownName: there is none.
    """
    if name not in BY_NAME:
        raise UnknownName("rule", name, BY_NAME)
    return BY_NAME[name]


__all__ = ["BY_NAME", "RULES", "Rule", "ask", "rule_of"]
