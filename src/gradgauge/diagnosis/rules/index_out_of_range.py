"""Indices beyond the table that they are looked up in."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gradgauge.diagnosis.properties.indices import TARGETS
from gradgauge.diagnosis.rule import Evidence, Found, Rule, RuleLimits, Silent


def check(evidence: Evidence, limits: RuleLimits) -> Iterator[Found | Silent]:
    """Words beyond an embedding, labels beyond the classes; those that a known loss is given, and
    that show on the first samples, are its own finding."""
    del limits
    indices = evidence.properties.indices
    if indices is None:
        yield Silent("not_asked")
        return
    for one in indices:
        if one.what == TARGETS and _said_of_loss(evidence):
            continue
        yield Found(
            one.what,
            layer=one.layer or None,
            value=float(one.count),
            limit="outside",
            remedies=("table_size", "number_from_zero")
            if one.what != TARGETS
            else ("labels_from_zero", "units_as_classes"),
            facts={"size": one.size, "most": one.size - 1, "low": one.low, "high": one.high},
            certainty=1.0,
        )


def _said_of_loss(evidence: Evidence) -> bool:
    """Whether labels beyond the classes stand among the samples that the loss is judged by."""
    return any(
        head.loss.kind == "sparse_categorical"
        and np.asarray(head.y).size > 0
        and float(np.max(head.y)) >= head.units
        for head in evidence.heads
    )


RULE = Rule(
    "index-out-of-range",
    check,
    paper="torch.nn.Embedding; tf.gather; jax.numpy.ndarray.at",
    static=True,
    needs="batches",
)
