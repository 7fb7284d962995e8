"""NaN or infinity: in the data, or somewhere in the training."""

from __future__ import annotations

import math

from gradgauge.diagnosis.rules._rule import (
    FAULT,
    WARNING,
    Evidence,
    Finding,
    Limit,
    Mapping,
    Outcome,
    Rule,
)


def check(evidence: Evidence, limits: Mapping[str, Limit]) -> Outcome:
    """In the data it is the cause; in the training a symptom, whose place is named."""
    limit = limits["values"]
    data, course = evidence.data, evidence.course
    broke = course.non_finite_step if course is not None else None
    found: list[Finding] = []
    for case, bad in (("input", data.x_bad), ("target", data.y_bad)):
        if bad:
            severity = FAULT if broke is not None or course is None else WARNING
            found.append(
                Finding(
                    "non-finite",
                    severity,
                    case,
                    None,
                    None,
                    float(bad),
                    limit.value,
                    limit.source,
                    ("clean_data",),
                    {"samples": data.samples},
                    0.99,
                )
            )
    if broke is not None and course is not None and not found:
        layer, operation = course.non_finite_where or (None, "loss")
        # Before any step it is the model's own doing; later, of what drove the weights there.
        born = course.steps > 0 and not math.isfinite(course.losses[0])
        found.append(
            Finding(
                "non-finite",
                FAULT,
                operation,
                layer,
                broke,
                float("nan"),
                limit.value,
                limit.source,
                ("lower_rate", "clip_gradients", "safe_operations"),
                certainty=0.9,
                symptom=not born,
            )
        )
    return found


RULE = Rule("non-finite", check, 15, "torch.autograd.detect_anomaly; TheDeepChecker", static=True)
