"""NaN or infinity: in the data, or somewhere in the training."""

from __future__ import annotations

from collections.abc import Iterator

from gradgauge.diagnosis.rule import FAULT, WARNING, Evidence, Found, Rule, RuleLimits
from gradgauge.diagnosis.steps import began_finite

_PLACES = ("weights", "pre_activation", "activation", "gradient", "loss")
"""Where values stop being finite, of which there is a sentence each; else the operation is named."""


def check(evidence: Evidence, limits: RuleLimits) -> Iterator[Found]:
    """In the data it is the cause; in the training a symptom, whose place is named."""
    del limits
    history = evidence.history
    broke = history.non_finite_step if history is not None else None
    bad = [("input", evidence.data.x_bad), ("target", evidence.data.y_bad)]
    for case, samples in bad:
        if samples:
            yield Found(
                case,
                severity=FAULT if broke is not None or history is None else WARNING,
                value=float(samples),
                limit="values",
                remedies=("clean_data",),
                facts={"samples": evidence.data.samples},
            )
    if broke is None or history is None or any(samples for _, samples in bad):
        return
    born = broke == 0 or not began_finite(evidence)
    layer, operation = history.non_finite_where or (None, "loss")
    yield Found(
        operation if operation in _PLACES else "operation",
        layer=layer,
        step=broke,
        value=float("nan"),
        limit="values",
        facts={"operation": operation},
        remedies=("safe_operations",)
        if born
        else ("lower_rate", "clip_gradients", "safe_operations"),
        # Before any step it is the model's own doing; later, of what drove the weights there.
        symptom=not born,
    )


RULE = Rule("non-finite", check, paper="torch.autograd.detect_anomaly; TheDeepChecker", static=True)
