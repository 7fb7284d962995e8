"""What the remedies that add a normalization share."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from gradgauge.remedies.known._dense import without_norm
from gradgauge.remedies.remedy import GRAPH, Remedy
from gradgauge.remedies.spec.case import SpecCase


def _on_spec(case: SpecCase, knob: float, *, norm: str) -> SpecCase:
    del knob
    without_norm(case)
    return case.built_with(norm=norm)


def adding(norm: str, paper: str, patch: Mapping[str, Any]) -> Remedy:
    """The remedy that puts a norm of a notation before every hidden activation."""
    return Remedy(
        f"{norm}_norm",
        reach=GRAPH,
        rules=(
            "vanishing-gradient",
            "exploding-gradient",
            "signal-collapse",
            "saturated-units",
            "dead-units",
        ),
        paper=paper,
        touches=frozenset({"norm"}),
        on_spec=functools.partial(_on_spec, norm=norm),
        patch=patch,
    )
