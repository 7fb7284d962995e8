"""Advice that only the owner of a program can follow: named, with the reason why no trial does it."""

from __future__ import annotations

from gradgauge.remedies.remedy import DATA, GRAPH, MODULE, OPTIMIZER, SHAPE, Remedy

_LOSS, _WIRING = "loss-mismatch", "unreached-layer"


def _named(reach: str, rule: str, *keys: str) -> list[Remedy]:
    return [Remedy(key, reach=reach, rules=(rule,)) for key in keys]


BY_HAND: tuple[Remedy, ...] = (
    *_named(
        DATA,
        _LOSS,
        "categorical_loss",
        "labels_zero_one",
        "one_hot_targets",
        "regression_loss",
        "scale_targets",
        "log_target",
    ),
    *_named(OPTIMIZER, _WIRING, "reach_loss_weights", "reach_nobody_moves"),
    *_named(OPTIMIZER, "stale-gradients", "zero_grad", "accumulate"),
    *_named(OPTIMIZER, "learning-rate-too-high", "schedule_factor"),
    *_named(
        OPTIMIZER, "learning-rate-too-low", "schedule_per_epoch", "shorter_warmup", "higher_rates"
    ),
    *_named(OPTIMIZER, "update-ratio", "rate_not_zero", "master_weights"),
    *_named(
        GRAPH,
        _WIRING,
        "reach_nothing",
        "reach_flat",
        "reach_idle_optimizer",
        "reach_not_called",
        "reach_detached",
        "reach_outputs_cut",
        "reach_loss_cut",
        "reach_loss_constant",
        "reach_unregistered",
    ),
    Remedy("units_as_classes", reach=MODULE, rules=(_LOSS, "index-out-of-range")),
    *_named(DATA, "index-out-of-range", "number_from_zero"),
    *_named(SHAPE, "index-out-of-range", "table_size"),
    *_named(GRAPH, "non-finite", "safe_operations"),
    *_named(GRAPH, "batch-mixing", "right_axis", "running_statistics"),
    *_named(GRAPH, "train-eval-gap", "tell_the_mode", "norm_momentum"),
    *_named(DATA, "unshuffled-batches", "read_loader"),
    *_named(GRAPH, _LOSS, "leave_selves_out", "mask_ahead", "scale_cosines"),
    *_named(DATA, _LOSS, "shift_targets", "targets_cast"),
    *_named(GRAPH, "batch-mixing", "fresh_state"),
    *_named(GRAPH, "train-eval-gap", "dropout_before"),
    *_named(DATA, "signal-collapse", "follow_inputs"),
    *_named(GRAPH, _LOSS, "attention_axis", "class_axis", "class_axis_moved", "sign_of_loss"),
    *_named(MODULE, _LOSS, "softplus_out", "log_input_false", "log_input_true"),
    *_named(DATA, _LOSS, "ignore_index", "ignore_padding", "labels_as_signs"),
    *_named(GRAPH, "train-eval-gap", "call_train", "same_in_both"),
    *_named(OPTIMIZER, _WIRING, "reach_still", "reach_replaced"),
    *_named(MODULE, "unscaled-input", "adapt"),
    *_named(GRAPH, _WIRING, "reach_in_time"),
    Remedy("weigh_terms", reach=DATA, rules=("signal-collapse",)),
    Remedy("stop_earlier", reach=OPTIMIZER, rules=("regressed",)),
    Remedy("train_longer", reach=OPTIMIZER, rules=("learning-rate-too-low", "train-eval-gap")),
    Remedy("shorter_sequences", reach=SHAPE, rules=("vanishing-gradient",)),
    Remedy("read_causes", reach=DATA, rules=("loss-not-falling",)),
    Remedy("overfit_one_batch", reach=DATA, rules=("loss-not-falling",)),
    Remedy("rows_together", reach=DATA, rules=("loss-not-falling",)),
)
"""In the order of rules."""
