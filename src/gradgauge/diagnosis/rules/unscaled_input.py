"""Inputs far from unit size, or features of very different sizes, where that hinders learning."""

from __future__ import annotations

import math

import numpy as np

from gradgauge.diagnosis.rules._rule import (
    FAULT,
    NOTE,
    WARNING,
    Evidence,
    Finding,
    Limit,
    Mapping,
    NotApplicable,
    Outcome,
    Rule,
)


def check(evidence: Evidence, limits: Mapping[str, Limit]) -> Outcome:
    """Size and spread of the inputs; a fault only where the training fails."""
    arrays = [x for x in evidence.data.x if x.dtype.kind in "uif"]
    if evidence.data.tokens or not arrays:
        return NotApplicable("unscaled-input", "tokens")
    if evidence.layers and evidence.layers[0].info.kind == "normalization":
        return NotApplicable("unscaled-input", "normalized_inside")
    found = [f for x in arrays if (f := _of(evidence, x, limits)) is not None]
    return found[:1]


def _of(evidence: Evidence, x: np.ndarray, limits: Mapping[str, Limit]) -> Finding | None:
    flat = x.reshape(len(x), -1).astype(np.float64)
    flat = flat[np.isfinite(flat).all(axis=1)]
    if not flat.size:
        return None
    size = float(np.sqrt(np.mean(flat**2)))
    spread = _feature_ratio(x)
    case, value, limit = "", 0.0, limits["magnitude"]
    if size > limit.value and not _normalized_at_once(evidence):
        case, value = "large", size
    elif spread > limits["ratio"].value and size > 1:
        case, value, limit = "ratio", spread, limits["ratio"]
    elif 0 < size < limits["small"].value and not _normalized_at_once(evidence):
        case, value, limit = "small", size, limits["small"]
    if not case:
        return None
    severity, certainty = _severity(evidence)
    return Finding(
        "unscaled-input",
        severity,
        case,
        None,
        None,
        value,
        limit.value,
        limit.source,
        ("scale_inputs",),
        {"low": float(flat.min()), "high": float(flat.max())},
        certainty,
    )


def _severity(evidence: Evidence) -> tuple[str, float]:
    """A fault where the training fails, unless it fails with scaled inputs just the same; where
    it only lags, if scaled inputs bring it far ahead."""
    trials = [t for t in evidence.trials if t.change == "inputs"]
    if not evidence.failing:
        return (FAULT, 0.9) if trials and trials[0].learns else (NOTE, 0.3)
    if not trials:
        return FAULT, 0.6
    return (FAULT, 0.95) if trials[0].learns else (WARNING, 0.3)


def _normalized_at_once(evidence: Evidence) -> bool:
    """Whether what goes into the first activation has a fair size all the same."""
    z = evidence.first("z_std")
    return bool(z.size and math.isfinite(z[0]) and 0.1 < z[0] < 3)


def _feature_ratio(x: np.ndarray) -> float:
    """Largest against smallest spread of the features; 1 for images and sequences."""
    if x.ndim != 2 or x.shape[1] < 2 or x.shape[1] > 256:
        return 1.0
    spread = x.astype(np.float64).std(axis=0)
    spread = spread[np.isfinite(spread) & (spread > 0)]
    return float(spread.max() / spread.min()) if spread.size > 1 else 1.0


RULE = Rule("unscaled-input", check, 33, "LeCun et al. (1998), Efficient BackProp, section 4.3")
