"""Outputs, loss and targets that do not belong together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from gradgauge.diagnosis.baselines import class_indices
from gradgauge.diagnosis.facts import CLASS_LOSSES, IGNORED, Head, Loss
from gradgauge.diagnosis.properties.experiment import LossCall
from gradgauge.diagnosis.rule import (
    FAULT,
    WARNING,
    Evidence,
    Found,
    Rule,
    RuleLimits,
    Silent,
)
from gradgauge.diagnosis.rules._mismatch import (
    ENOUGH,
    away_from_targets,
    bounded_scores,
    foreseen,
    mismatch,
    misused,
    of_rates,
    one_class,
    over_rows,
    padding_counted,
    summed_otherwise,
)

RANGES: dict[str, tuple[float, float]] = {
    "sigmoid": (0.0, 1.0),
    "hard_sigmoid": (0.0, 1.0),
    "softmax": (0.0, 1.0),
    "tanh": (-1.0, 1.0),
    "hardtanh": (-1.0, 1.0),
    "softsign": (-1.0, 1.0),
    "relu": (0.0, np.inf),
    "relu6": (0.0, 6.0),
    "softplus": (0.0, np.inf),
    "exponential": (0.0, np.inf),
    "log_softmax": (-np.inf, 0.0),
}
"""What an output's activation can reach."""


def check(evidence: Evidence, limits: RuleLimits) -> Iterator[Found | Silent]:
    """Every head by itself, and every known loss that a loss of the user's own calls."""
    known = [_tried(evidence, head) for head in evidence.heads if head.loss.kind != "other"]
    inside = evidence.properties.calls if len(known) < len(evidence.heads) else ()
    pairing = evidence.properties.mispaired
    yield from summed_otherwise(evidence)
    yield from foreseen(evidence)
    for call in inside:
        yield from _call(evidence, call, limits)
        yield from padding_counted(evidence, call, limits)
    for head in known:
        # Of words, a label that is passed over is padding.
        if head.passed_over > limits["passed_over"].value and not evidence.data.tokens:
            yield mismatch(head, "class_ignored", ("ignore_index",), value=head.passed_over)
    if not inside:
        yield from (f for head in evidence.heads for f in away_from_targets(head, limits))
    if pairing is not None and not any(head.strict_shapes for head in known):
        yield Found(
            "shapes_met" if pairing.operation else "shapes_broadcast",
            remedies=("same_shape",),
            facts={
                "operation": pairing.operation,
                "loss": evidence.heads[0].loss.name if evidence.heads else "-",
                "outputs": f"({', '.join(pairing.outputs)})",
                "targets": f"({', '.join(pairing.targets)})",
            },
            certainty=0.95,
        )
    if not known and not inside and pairing is None:
        yield Silent("unknown_loss")
    for head in known:
        if head.loss.kind in CLASS_LOSSES:
            yield from _classes(evidence, head, limits)
        elif head.loss.kind == "binary":
            yield from _binary(evidence, head)
        else:
            yield from _regression(head, limits)
            yield from _far_off(evidence, head, limits)


def _tried(evidence: Evidence, head: Head) -> Head:
    """An output whose last operation is not known is taken for what it can reach."""
    bounds = evidence.properties.bounds
    if head.activation or bounds is None or len(evidence.heads) > 1:
        return head
    return replace(head, activation=bounds.activation)


_OF_SIGNS = (
    "soft_margin_loss",
    "hinge_embedding_loss",
    "margin_ranking_loss",
    "cosine_embedding_loss",
)
"""Losses whose targets are -1 and 1."""
_WHAT_THEY_TAKE: dict[str, tuple[str, bool | None]] = {
    "cross_entropy": ("sparse_categorical", True),
    "nll_loss": ("sparse_categorical", None),
    "categorical_crossentropy": ("sparse_categorical", False),
    "binary_cross_entropy": ("binary", False),
    "binary_cross_entropy_with_logits": ("binary", True),
}


def _call(evidence: Evidence, call: LossCall, limits: RuleLimits) -> Iterator[Found]:
    """A known loss within the user's own: does it get what it takes?"""
    own = evidence.heads[0] if evidence.heads else None
    layer = own.layer if own else None
    loss = Loss("other", call.name)
    activation = call.activation or (own.activation if own else "")
    head = Head(layer, activation, loss, call.target, call.given)
    if call.wrong:
        head = replace(head, loss=Loss("other", call.name or (own.loss.name if own else "")))
        yield misused(call, head)
        return
    if call.name == "poisson_nll_loss":
        yield from of_rates(call, head)
        return
    if call.name == "cross_entropy_of_energies":
        return  # the right class is meant to have the least of them
    if call.name.endswith("_of_all_pairs"):
        shape = str(("B", *np.shape(call.target)[1:]))
        head = replace(head, loss=own.loss if own else loss)
        yield mismatch(head, "shapes_broadcast", ("same_shape",), outputs=shape, targets=shape)
        return
    if call.name in _OF_SIGNS:
        signs = np.asarray(call.target, np.float64)
        if signs.size and signs.min() == 0 and set(np.unique(signs)) <= {0.0, 1.0}:
            yield mismatch(head, "labels_not_signs", ("labels_as_signs",))
        return
    if call.name == "cross_entropy_over_rows" or over_rows(call, limits["range"].value):
        yield mismatch(head, "softmax_over_rows", ("class_axis",))
        return
    if call.name in ("kl_div", "nll_loss", "ctc_loss"):
        # Logarithms of probabilities are never above 0; what is weighted need not sum to 1.
        if float(call.given.max(initial=-np.inf)) > limits["range"].value:
            distributions = _are_distributions(_samples(head), limits["range"].value)
            case = "probabilities_as_logs" if distributions else "logits_as_logs"
            yield mismatch(head, case, ("log_softmax",))
        elif call.name == "kl_div" and not call.logs and float(call.target.min(initial=0.0)) < 0:
            yield mismatch(head, "targets_as_logs", ("log_target",))
        return
    kind, logits = _WHAT_THEY_TAKE[call.name]
    if kind == "sparse_categorical" and call.target.shape == call.given.shape:
        kind = "categorical"
    head = replace(head, loss=Loss(kind, call.name, logits))
    yield from _binary(evidence, head) if kind == "binary" else _classes(evidence, head, limits)


def _classes(evidence: Evidence, head: Head, limits: RuleLimits) -> Iterator[Found]:
    y = np.asarray(head.y)
    if head.units == 1:
        case = "softmax_one_unit" if head.activation == "softmax" else "one_unit"
        yield mismatch(head, case, ("one_unit_sigmoid", "units_as_classes"), value=1.0)
        return
    yield from one_class(evidence, head)
    if head.loss.kind == "sparse_categorical" and y.size:
        yield from _sparse_labels(head, y)
    if head.loss.kind == "categorical" and y.ndim > 1 and y.shape[-1] == head.units:
        off = np.abs(y.astype(np.float64).sum(axis=-1) - 1)
        slack = limits["sum"].value
        if y.min() < -limits["range"].value or off.max() > slack:
            yield mismatch(
                head,
                "targets_no_distribution",
                ("sigmoid_binary", "one_hot_targets"),
                value=float((off > slack).mean()),
            )
    outputs = _samples(head)
    probabilities = head.activation == "softmax" or _are_distributions(
        outputs, limits["range"].value
    )
    if head.loss.logits is True:
        yield from _after_logits(evidence, head, probabilities=probabilities)
    elif head.loss.logits is None:
        if probabilities:
            yield mismatch(head, "probabilities_as_logs", ("log_softmax",))
        elif head.activation != "log_softmax" and not _are_log_distributions(
            outputs, limits["range"].value
        ):
            yield mismatch(head, "logits_as_logs", ("log_softmax",))
    elif not probabilities:
        yield from _after_probabilities(head, outputs)


def _sparse_labels(head: Head, y: np.ndarray) -> Iterator[Found]:
    numbers = y.astype(np.float64)
    numbers = numbers[numbers != IGNORED]
    if not numbers.size:
        return
    if np.any(numbers != np.round(numbers)):
        yield mismatch(head, "labels_not_whole", ("regression_loss",))
        return
    low, high = int(numbers.min()), int(numbers.max())
    if high >= head.units or low < 0:
        yield mismatch(
            head,
            "labels_out_of_range",
            ("labels_from_zero", "units_as_classes"),
            value=float(high if high >= head.units else low),
            low=low,
            high=high,
            units=head.units,
        )


def _after_logits(evidence: Evidence, head: Head, *, probabilities: bool) -> Iterator[Found]:
    """A loss that takes logits and gets something else."""
    if probabilities:
        yield mismatch(head, "softmax_twice", ("remove_softmax", "from_logits_false"))
    elif head.activation == "sigmoid":
        yield mismatch(head, "sigmoid_categorical", ("logits_out", "sigmoid_binary"))
    elif head.activation == "log_softmax":
        yield mismatch(head, "log_softmax_twice", ("remove_softmax",), severity=WARNING)
    elif head.activation in ("relu", "relu6"):
        # Logits that are cut off at 0 hold many classes apart well enough; not where they do not.
        harms = evidence.history is not None and (evidence.lagging or _silent_classes(head))
        severity = FAULT if harms else WARNING
        yield mismatch(head, "clipped_logits", ("logits_out",), severity=severity)
    else:
        yield from bounded_scores(evidence, head)


def _silent_classes(head: Head) -> bool:
    """Whether a class that occurs has an output of exactly 0 on every sample after training."""
    if head.after is None or head.after.ndim != 2 or not np.isfinite(head.after).all():
        return False
    dead = np.flatnonzero(~head.after.any(axis=0))
    return bool(np.isin(dead, class_indices(head.y, head.loss.kind)).any())


def _after_probabilities(head: Head, outputs: np.ndarray) -> Iterator[Found]:
    """A loss that takes probabilities and gets something else."""
    if head.activation == "sigmoid":
        yield mismatch(head, "sigmoid_categorical", ("softmax_out", "sigmoid_binary"))
    elif len(outputs) >= ENOUGH and not (head.activation == "" and _within(outputs, 0.0, 1.0)):
        yield mismatch(head, "logits_as_probabilities", ("softmax_out", "from_logits_true"))


def _binary(evidence: Evidence, head: Head) -> Iterator[Found]:
    y = np.asarray(head.y, np.float64)
    outside = float(((y < 0) | (y > 1)).mean()) if y.size else 0.0
    if outside > 0:
        yield mismatch(
            head,
            "labels_out_of_unit",
            ("labels_zero_one", "units_as_classes"),
            value=outside,
            low=float(y.min()),
            high=float(y.max()),
        )
    out, logits = _samples(head), head.loss.logits
    if head.activation == "softmax" and head.units == 1:
        yield mismatch(head, "softmax_one_unit", ("one_unit_sigmoid",), value=1.0)
    elif head.activation == "softmax" and _one_hot(y):
        yield mismatch(head, "softmax_binary", ("categorical_loss",), severity=WARNING)
    elif head.activation == "softmax" and y.ndim > 1:
        # Several labels can be true at once, but a softmax shares 1 out among them.
        yield mismatch(head, "softmax_multi_label", ("sigmoid_binary",))
    elif logits is True and _unit_activation(head):
        yield mismatch(head, "sigmoid_twice", ("remove_sigmoid", "from_logits_false"))
    elif logits is True and head.activation in ("relu", "relu6", "softplus"):
        yield mismatch(head, "clipped_logits", ("logits_out",))
    elif logits is True:
        yield from bounded_scores(evidence, head)
    elif logits is False and not _unit_activation(head):
        inside = _within(out, 0.0, 1.0) and head.activation in ("", "hardtanh")
        if not inside:
            yield mismatch(head, "logits_as_probabilities", ("sigmoid_out", "from_logits_true"))


def _regression(head: Head, limits: RuleLimits) -> Iterator[Found]:
    y, out = np.asarray(head.y), np.asarray(head.before)
    if y.dtype.kind not in "uifb":
        return
    if head.strict_shapes and y.shape != out.shape and y.size and out.size:
        yield mismatch(
            head,
            "shapes_broadcast",
            ("same_shape",),
            outputs=str(("B", *out.shape[1:])),
            targets=str(("B", *y.shape[1:])),
        )
        return
    if head.units == 1 and head.activation == "softmax":
        yield mismatch(head, "softmax_one_unit", ("linear_out",), value=1.0)
        return
    low, high = RANGES.get(head.activation, (-np.inf, np.inf))
    numbers = y.astype(np.float64).reshape(len(y), -1)
    spread = float(((numbers - numbers.mean(axis=0)) ** 2).mean())
    if spread <= 0 or not np.isfinite(numbers).all():
        return
    missed = float(((numbers - np.clip(numbers, low, high)) ** 2).mean()) / spread
    if missed > limits["outside"].value:
        yield mismatch(
            head,
            "target_out_of_range",
            ("linear_out", "scale_targets"),
            value=missed,
            limit="outside",
            low=low,
            high=high,
            least=float(numbers.min()),
            most=float(numbers.max()),
        )


def _far_off(evidence: Evidence, head: Head, limits: RuleLimits) -> Iterator[Found]:
    """Targets of another order of size than any outputs that a network begins with: nearly all of
    the way goes into getting there."""
    y, out = (np.asarray(a, np.float64) for a in (head.y, head.before))
    if not evidence.failing or not y.size or not np.isfinite(y).all() or not np.isfinite(out).all():
        return
    size, ours = (float(np.sqrt(np.mean(a**2))) for a in (y, out))
    if size > limits["far_off"].value * max(ours, 1.0):
        yield mismatch(
            head,
            "targets_far_off",
            ("standardize_targets",),
            value=size,
            limit="far_off",
            ours=ours,
        )


def _samples(head: Head) -> np.ndarray:
    out = np.asarray(head.before, np.float64)
    out = out.reshape(-1, out.shape[-1]) if out.ndim > 1 else out.reshape(-1, 1)
    return out[np.isfinite(out).all(axis=1)]


def _are_distributions(out: np.ndarray, tolerance: float) -> bool:
    """Whether every row is a probability distribution: not by accident, for all of them are."""
    if len(out) < ENOUGH or out.shape[1] < 2:
        return False
    return bool(out.min() >= 0 and np.abs(out.sum(axis=1) - 1).max() <= tolerance)


def _are_log_distributions(out: np.ndarray, tolerance: float) -> bool:
    if len(out) < ENOUGH:
        return True
    with np.errstate(over="ignore"):
        return bool(np.abs(np.exp(out).sum(axis=1) - 1).max() <= tolerance)


def _within(out: np.ndarray, low: float, high: float) -> bool:
    return not out.size or bool(out.min() >= low and out.max() <= high)


def _unit_activation(head: Head) -> bool:
    return head.activation in ("sigmoid", "softmax", "hard_sigmoid")


def _one_hot(y: np.ndarray) -> bool:
    return y.ndim > 1 and bool(np.abs(y.sum(axis=-1) - 1).max() < 1e-6)


RULE = Rule(
    "loss-mismatch",
    check,
    paper="Zhang et al. (2021), AUTOTRAINER",
    static=True,
    needs="outputs",
)
