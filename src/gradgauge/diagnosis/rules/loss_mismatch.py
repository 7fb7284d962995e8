"""Outputs, loss and targets that do not belong together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gradgauge.diagnosis.evidence import CLASS_LOSSES, Head
from gradgauge.diagnosis.rules._rule import (
    FAULT,
    WARNING,
    Evidence,
    Finding,
    Limit,
    Mapping,
    NotApplicable,
    Outcome,
    Rule,
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

_ENOUGH = 8


def check(evidence: Evidence, limits: Mapping[str, Limit]) -> Outcome:
    """Every head by itself."""
    if not evidence.heads:
        return NotApplicable("loss-mismatch", "unknown_loss")
    found = [f for head in evidence.heads for f in _of(head, limits)]
    if not found and all(head.loss.kind == "other" for head in evidence.heads):
        return NotApplicable("loss-mismatch", "unknown_loss")
    return [_graver(evidence, finding) for finding in found]


def _graver(evidence: Evidence, finding: Finding) -> Finding:
    """Logits that are cut off at 0 hold many classes apart well enough; not where they do not."""
    harms = finding.case == "clipped_logits" and evidence.course is not None and evidence.lagging
    return replace(finding, severity=FAULT) if harms else finding


def _of(head: Head, limits: Mapping[str, Limit]) -> list[Finding]:
    kind = head.loss.kind
    if kind in CLASS_LOSSES:
        return _classes(head, limits)
    if kind == "binary":
        return _binary(head)
    if kind in ("mse", "mae", "huber"):
        return _regression(head, limits)
    return []


def _finding(
    head: Head,
    case: str,
    value: float | None = None,
    limit: Limit | None = None,
    severity: str = FAULT,
    remedies: tuple[str, ...] = (),
    **facts: object,
) -> Finding:
    return Finding(
        "loss-mismatch",
        severity,
        case,
        head.layer,
        None,
        value,
        limit.value if limit else None,
        limit.source if limit else "by the loss's definition",
        remedies,
        {"loss": head.loss.name, "activation": head.activation or "-", **facts},
        certainty=0.95,
    )


def _classes(head: Head, limits: Mapping[str, Limit]) -> list[Finding]:
    found: list[Finding] = []
    y = np.asarray(head.y)
    if head.units == 1:
        case = "softmax_one_unit" if head.activation == "softmax" else "one_unit"
        return [_finding(head, case, 1.0, None, FAULT, ("one_unit_sigmoid", "units_as_classes"))]
    if head.loss.kind == "sparse_categorical" and y.size:
        found += _sparse_labels(head, y)
    if head.loss.kind == "categorical" and y.ndim > 1 and y.shape[-1] == head.units:
        sums = y.astype(np.float64).sum(axis=-1)
        if y.min() < -1e-6 or np.abs(sums - 1).max() > 0.05:
            share = float((np.abs(sums - 1) > 0.05).mean())
            found.append(
                _finding(
                    head,
                    "targets_no_distribution",
                    share,
                    None,
                    FAULT,
                    ("sigmoid_binary", "one_hot_targets"),
                )
            )
    return found + _class_outputs(head, limits)


def _sparse_labels(head: Head, y: np.ndarray) -> list[Finding]:
    numbers = y.astype(np.float64)
    if np.abs(numbers - np.round(numbers)).max() > 1e-6:
        return [_finding(head, "labels_not_whole", None, None, FAULT, ("regression_loss",))]
    low, high = int(numbers.min()), int(numbers.max())
    if high >= head.units or low < 0:
        return [
            _finding(
                head,
                "labels_out_of_range",
                float(high if high >= head.units else low),
                None,
                FAULT,
                ("labels_from_zero", "units_as_classes"),
                low=low,
                high=high,
                units=head.units,
            )
        ]
    return []


def _class_outputs(head: Head, limits: Mapping[str, Limit]) -> list[Finding]:
    loss, out = head.loss, _samples(head)
    probabilities = head.activation == "softmax" or _are_distributions(out, limits["range"].value)
    if loss.logits is True:
        if probabilities:
            return [
                _finding(
                    head,
                    "softmax_twice",
                    None,
                    None,
                    FAULT,
                    ("remove_softmax", "from_logits_false"),
                )
            ]
        if head.activation == "sigmoid":
            return [
                _finding(
                    head, "sigmoid_categorical", None, None, FAULT, ("logits_out", "sigmoid_binary")
                )
            ]
        if head.activation == "log_softmax":
            return [_finding(head, "log_softmax_twice", None, None, WARNING, ("remove_softmax",))]
        if head.activation in ("relu", "relu6"):
            return [_finding(head, "clipped_logits", None, None, WARNING, ("logits_out",))]
        return []
    if loss.logits is None:
        if probabilities:
            return [_finding(head, "probabilities_as_logs", None, None, FAULT, ("log_softmax",))]
        if head.activation != "log_softmax" and not _are_log_distributions(out):
            return [_finding(head, "logits_as_logs", None, None, FAULT, ("log_softmax",))]
        return []
    if probabilities:
        return []
    if head.activation == "sigmoid":
        return [
            _finding(
                head, "sigmoid_categorical", None, None, FAULT, ("softmax_out", "sigmoid_binary")
            )
        ]
    if out.size < _ENOUGH or (head.activation == "" and _within(out, 0.0, 1.0)):
        return []
    return [
        _finding(
            head, "logits_as_probabilities", None, None, FAULT, ("softmax_out", "from_logits_true")
        )
    ]


def _binary(head: Head) -> list[Finding]:
    y = np.asarray(head.y, np.float64)
    found: list[Finding] = []
    outside = float(((y < 0) | (y > 1)).mean()) if y.size else 0.0
    if outside > 0:
        found.append(
            _finding(
                head,
                "labels_out_of_unit",
                outside,
                None,
                FAULT,
                ("labels_zero_one", "units_as_classes"),
                low=float(y.min()),
                high=float(y.max()),
            )
        )
    out = _samples(head)
    if head.units == 1 and head.activation == "softmax":
        return [*found, _finding(head, "softmax_one_unit", 1.0, None, FAULT, ("one_unit_sigmoid",))]
    if head.units > 1 and head.activation == "softmax" and _one_hot(y):
        found.append(_finding(head, "softmax_binary", None, None, WARNING, ("categorical_loss",)))
        return found
    if head.units > 1 and head.activation == "softmax" and y.ndim > 1:
        # Several labels can be true at once, but a softmax shares 1 out among them.
        found.append(_finding(head, "softmax_multi_label", None, None, FAULT, ("sigmoid_binary",)))
        return found
    if head.loss.logits is True and head.activation in ("sigmoid", "softmax", "hard_sigmoid"):
        found.append(
            _finding(
                head, "sigmoid_twice", None, None, FAULT, ("remove_sigmoid", "from_logits_false")
            )
        )
    elif head.loss.logits is True and head.activation in ("relu", "relu6", "softplus"):
        found.append(_finding(head, "clipped_logits", None, None, FAULT, ("logits_out",)))
    elif (
        head.loss.logits is False
        and not _unit_activation(head)
        and not (_within(out, 0.0, 1.0) and head.activation in ("", "hardtanh"))
    ):
        found.append(
            _finding(
                head,
                "logits_as_probabilities",
                None,
                None,
                FAULT,
                ("sigmoid_out", "from_logits_true"),
            )
        )
    return found


def _regression(head: Head, limits: Mapping[str, Limit]) -> list[Finding]:
    y, out = np.asarray(head.y), np.asarray(head.before)
    if y.dtype.kind not in "uifb":
        return []
    if head.strict_shapes and y.shape != out.shape and y.size and out.size:
        return [
            _finding(
                head,
                "shapes_broadcast",
                None,
                None,
                FAULT,
                ("same_shape",),
                outputs=str(("B", *out.shape[1:])),
                targets=str(("B", *y.shape[1:])),
            )
        ]
    if head.units == 1 and head.activation == "softmax":
        return [_finding(head, "softmax_one_unit", 1.0, None, FAULT, ("linear_out",))]
    low, high = RANGES.get(head.activation, (-np.inf, np.inf))
    numbers = y.astype(np.float64).reshape(len(y), -1)
    spread = float(((numbers - numbers.mean(axis=0)) ** 2).mean())
    if spread <= 0 or not np.isfinite(numbers).all():
        return []
    missed = float(((numbers - np.clip(numbers, low, high)) ** 2).mean()) / spread
    limit = limits["outside"]
    if missed <= limit.value:
        return []
    return [
        _finding(
            head,
            "target_out_of_range",
            missed,
            limit,
            FAULT,
            ("linear_out", "scale_targets"),
            low=low,
            high=high,
            least=float(numbers.min()),
            most=float(numbers.max()),
        )
    ]


def _samples(head: Head) -> np.ndarray:
    out = np.asarray(head.before, np.float64)
    out = out.reshape(-1, out.shape[-1]) if out.ndim > 1 else out.reshape(-1, 1)
    return out[np.isfinite(out).all(axis=1)]


def _are_distributions(out: np.ndarray, tolerance: float) -> bool:
    """Whether every row is a probability distribution: not by accident, for all of them are."""
    if len(out) < _ENOUGH or out.shape[1] < 2:
        return False
    return bool(out.min() >= 0 and np.abs(out.sum(axis=1) - 1).max() <= tolerance)


def _are_log_distributions(out: np.ndarray) -> bool:
    if len(out) < _ENOUGH:
        return True
    with np.errstate(over="ignore"):
        return bool(np.abs(np.exp(out).sum(axis=1) - 1).max() <= 1e-3)


def _within(out: np.ndarray, low: float, high: float) -> bool:
    return not out.size or bool(out.min() >= low and out.max() <= high)


def _unit_activation(head: Head) -> bool:
    return head.activation in ("sigmoid", "softmax", "hard_sigmoid")


def _one_hot(y: np.ndarray) -> bool:
    return y.ndim > 1 and bool(np.abs(y.sum(axis=-1) - 1).max() < 1e-6)


RULE = Rule(
    "loss-mismatch", check, 10, "Zhang et al. (2021), AUTOTRAINER: improper loss", static=True
)
