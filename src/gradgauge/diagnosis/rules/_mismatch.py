"""What a loss of the user's own gets wrong, and how a mismatch is said."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from gradgauge.diagnosis.facts import Head, Loss
from gradgauge.diagnosis.properties.experiment import LossCall
from gradgauge.diagnosis.rule import FAULT, Evidence, Found, RuleLimits

ENOUGH = 8
"""Rows that show what outputs are."""
_FEWEST = 3
"""Classes, below which an order of columns may be luck."""


def mismatch(
    head: Head,
    case: str,
    remedies: Sequence[str],
    *,
    severity: str = FAULT,
    value: float | None = None,
    limit: str | None = None,
    **facts: object,
) -> Found:
    """A finding about an output, its loss and its targets.

    Args:
        head: which output.
        case, remedies, severity, value, limit: see Found.
        facts: what fills the sentence, beside the loss and the activation.
    """
    return Found(
        case,
        severity=severity,
        layer=head.layer,
        value=value,
        limit=limit,
        remedies=remedies,
        facts={"loss": head.loss.name, "activation": head.activation or "-", **facts},
    )


def summed_otherwise(evidence: Evidence) -> Iterator[Found]:
    """Weights of a sum that sum to 1 along another axis: whatever is learned, they are no weights."""
    summed = evidence.properties.summed
    if summed is not None:
        yield Found(
            "attention_axis",
            remedies=("attention_axis",),
            facts={"axis": summed.softmax, "summed": summed.summed, "shape": str(summed.shape)},
            certainty=0.9,
        )


_MENDED = {"sees_ahead": ("mask_ahead",), "not_shifted": ("shift_targets",)}


def foreseen(evidence: Evidence) -> Iterator[Found]:
    """Outputs that see what they are to predict: the loss falls, and nothing is predicted."""
    seen = evidence.properties.foresight
    if seen is not None and seen.case:
        yield Found(
            seen.case,
            layer=evidence.heads[0].layer if evidence.heads else None,
            value=seen.share,
            remedies=_MENDED[seen.case],
            certainty=0.95,
        )


_BOUNDED = ("tanh", "hardtanh", "softsign")


def bounded_scores(evidence: Evidence, head: Head) -> Iterator[Found]:
    """Scores between -1 and 1 in front of a loss of logits: it has a floor far above 0.

    The right one of K classes gets at most e / (e + (K - 1) / e), a binary answer 1 / (1 + 1 / e).
    Where labels are smoothed that may be all that is asked for.
    """
    scores, bounds = head.before, evidence.properties.bounds
    whole = scores.shape[1:] == evidence.heads[0].before.shape[1:]
    within = bounds is not None and bounds.within_one and whole
    if head.activation not in _BOUNDED and not within:
        return
    if head.loss.smoothing or not scores.size or np.abs(scores).max() > 1 + 1e-5:
        return
    others, apart = (1, 1.0) if head.loss.kind == "binary" else (scores.shape[-1] - 1, 2.0)
    floor = float(np.log1p(others * np.exp(-apart)))
    yield mismatch(
        head, "bounded_logits", ("logits_out", "scale_cosines"), value=floor, others=others + 1
    )


def one_class(evidence: Evidence, head: Head) -> Iterator[Found]:
    """Targets of which all are one class, over a whole epoch.

    Scores of pairs, of which the first is always the right one, come of no layer of their own.
    """
    order = evidence.properties.order
    own = head.activation in ("linear", "softmax", "log_softmax", "sigmoid")
    if order is not None and order.one_class and own and head.units > 1:
        yield mismatch(head, "one_class", ("targets_cast",), rows=order.rows)


def padding_counted(evidence: Evidence, call: LossCall, limits: RuleLimits) -> Iterator[Found]:
    """Padding after the words of a sequence that the loss counts, and counts more than words."""
    words = evidence.data.x[0] if evidence.data.x and evidence.data.tokens else np.zeros(0)
    y = np.asarray(evidence.heads[0].y) if evidence.heads else np.zeros(0)
    if call.name not in ("cross_entropy", "nll_loss") or words.ndim != 2 or y.shape != words.shape:
        return
    after = _after(words)
    lengths = (~after).sum(axis=1)
    labels, counts = np.unique(y[after], return_counts=True)
    if not labels.size or len(np.unique(lengths)) < 3 or counts.max() < 0.99 * after.sum():
        return
    pad = labels[counts.argmax()]
    share = float((np.asarray(call.target) == pad).mean()) if np.size(call.target) else 0.0
    only_there = float((y[~after] == pad).mean()) if (~after).any() else 1.0
    if share > limits["padding"].value and only_there < 1 - limits["padding"].value:
        head = replace(evidence.heads[0], loss=Loss("other", call.name))
        yield mismatch(head, "padding_counted", ("ignore_padding",), value=share, limit="padding")


def _after(words: np.ndarray) -> np.ndarray:
    """Which places stand in a run of one and the same word at the end of their row, the word that
    most rows end with."""
    last, counts = np.unique(words[:, -1], return_counts=True)
    same = words == last[counts.argmax()]
    return np.logical_and.accumulate(same[:, ::-1], axis=1)[:, ::-1]


def away_from_targets(head: Head, limits: RuleLimits) -> Iterator[Found]:
    """A loss of the user's own under which the right class becomes the least likely one.

    Distances and energies are smallest for the right class, and meant to be: distances have one
    sign, and a loss that is known by its values says what it takes. Outputs that are no scores, as
    those of an embedding, may have as many columns as there are classes, but not in their order.
    """
    y, after = np.asarray(head.y), head.after
    if head.loss.kind != "other" or after is None or after.ndim != 2 or y.dtype.kind not in "iu":
        return
    classes = after.shape[1]
    if y.size != len(after) or not np.isfinite(after).all() or classes < _FEWEST:
        return
    y = y.reshape(-1)
    scores = after.min() < 0 < after.max() or head.activation == "softmax"
    if y.min() < 0 or y.max() + 1 != classes or not scores:
        return
    most = float(np.bincount(y).max()) / len(y)
    right, last = (float((said == y).mean()) for said in (after.argmax(1), after.argmin(1)))
    if last >= most + limits["away"].value * (1 - most) and right <= most:
        yield mismatch(
            head, "away_from_targets", ("sign_of_loss",), value=last, limit="away", right=right
        )


_MISUSED = {
    "classes_scattered": ("class_axis_moved",),
    "class_numbers": ("one_hot_targets", "categorical_loss"),
    "beyond_targets": ("sigmoid_out",),
    "normalized_elsewhere": ("class_axis",),
    "selves_among_others": ("leave_selves_out",),
}
"""What a loss does with outputs that no values excuse, and what mends it."""
_POSITIVE = ("sigmoid", "relu", "relu6", "softplus", "exponential", "softmax")


def misused(call: LossCall, head: Head) -> Found:
    """A call that is wrong by itself, whatever the loss is made of besides."""
    return mismatch(head, call.wrong, _MISUSED[call.wrong], value=float(head.units))


def of_rates(call: LossCall, head: Head) -> Iterator[Found]:
    """A Poisson loss of rates where it takes their logarithms, or the other way round."""
    if call.logs and call.activation in _POSITIVE:
        # exp of what is never below 0: no rate below 1 can be said.
        yield mismatch(head, "rates_as_logs", ("log_input_false", "linear_out"))
    elif not call.logs and call.activation == "linear" and float(np.min(call.given)) < 0:
        yield mismatch(head, "logs_as_rates", ("log_input_true", "softplus_out"))


def over_rows(call: LossCall, tolerance: float) -> bool:
    """Whether logarithms of probabilities sum to 1 over the rows, not over the classes."""
    out = np.asarray(call.given, np.float64)
    if call.name != "nll_loss" or out.ndim != 2 or len(out) < ENOUGH or out.max() > tolerance:
        return False
    rows, classes = (np.abs(np.exp(out).sum(axis=axis) - 1).max() for axis in (0, 1))
    return bool(rows <= tolerance < classes)
