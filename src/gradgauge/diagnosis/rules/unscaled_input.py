"""Inputs far from unit size, or features of very different sizes, where that hinders learning."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from gradgauge.diagnosis.rule import (
    FAULT,
    NOTE,
    WARNING,
    Change,
    Evidence,
    Found,
    Rule,
    RuleLimits,
    Silent,
)
from gradgauge.diagnosis.steps import falls_short, is_slow


def check(evidence: Evidence, limits: RuleLimits) -> Iterator[Found | Silent]:
    """Size and spread of the inputs; a fault only where the training fails."""
    arrays = [x for x in evidence.data.x if x.dtype.kind in "uif"]
    if evidence.data.tokens or not arrays:
        yield Silent("tokens")
        return
    named = evidence.properties.unadapted
    if evidence.layers and evidence.layers[0].info.kind == "normalization" and not named:
        yield Silent("normalized_inside")
        return
    for x in arrays:
        odd = _odd(evidence, x, limits)
        if odd is None:
            continue
        case, value, low, high = odd
        severity = _severity(evidence)
        yield Found(
            "unadapted" if named else case,
            severity=severity,
            layer=named or _reader(evidence, x),
            value=value,
            limit={"large": "magnitude"}.get(case, case),
            remedies=("adapt", "scale_inputs") if named else ("scale_inputs",),
            facts={"low": low, "high": high},
        )
        return


def _reader(evidence: Evidence, x: np.ndarray) -> str | None:
    """The layer that gets the inputs: the first one, of several inputs the first of their size."""
    called = [layer for layer in evidence.layers if layer.info.called]
    if len(evidence.data.x) > 1:
        called = [layer for layer in called if layer.info.fan_in == x.shape[-1]]
    return called[0].name if called else None


def _odd(
    evidence: Evidence, x: np.ndarray, limits: RuleLimits
) -> tuple[str, float, float, float] | None:
    """(case, figure, smallest, largest value) of inputs that are far from unit size."""
    flat = x.reshape(len(x), -1).astype(np.float64)
    flat = flat[np.isfinite(flat).all(axis=1)]
    if not flat.size:
        return None
    size = float(np.sqrt(np.mean(flat**2)))
    spread = _feature_ratio(x)
    low, high = float(flat.min()), float(flat.max())
    if size > limits["magnitude"].value and not _normalized_at_once(evidence, limits):
        return "large", size, low, high
    if spread > limits["ratio"].value and size > 1:
        return "ratio", spread, low, high
    if 0 < size < limits["small"].value and not _normalized_at_once(evidence, limits):
        return "small", size, low, high
    return None


def _severity(evidence: Evidence) -> str:
    """A fault where the training fails, unless it fails with scaled inputs just the same; where
    it only lags, if scaled inputs bring it far ahead."""
    tried = [t for t in evidence.trials if t.change.scaled_inputs]
    cured = any(t.learns for t in tried)
    if not evidence.failing:
        return FAULT if cured else NOTE
    return FAULT if cured or not tried else WARNING


def _normalized_at_once(evidence: Evidence, limits: RuleLimits) -> bool:
    """Whether what goes into the first activation has a fair size all the same."""
    z = evidence.first("z_std")
    low, high = limits["fair_low"].value, limits["fair_high"].value
    return bool(z.size and math.isfinite(z[0]) and low < z[0] < high)


def _feature_ratio(x: np.ndarray) -> float:
    """Largest against smallest spread of the features; 1 for images and sequences."""
    if x.ndim != 2 or x.shape[1] < 2 or x.shape[1] > 256:
        return 1.0
    spread = x.astype(np.float64).std(axis=0)
    spread = spread[np.isfinite(spread) & (spread > 0)]
    return float(spread.max() / spread.min()) if spread.size > 1 else 1.0


def _changes(evidence: Evidence) -> Sequence[Change]:
    found = check(evidence, evidence.limits[RULE.name])
    odd = any(isinstance(f, Found) for f in found)
    slow = evidence.lagging or falls_short(evidence) or is_slow(evidence)
    return [Change(scaled_inputs=True)] if odd and slow else []


RULE = Rule(
    "unscaled-input",
    check,
    paper="LeCun et al. (1998), Efficient BackProp, section 4.3",
    changes=_changes,
    needs="batches",
)
