"""One learning rate for all parameter groups: that of the group with the most weights."""

from __future__ import annotations

from gradgauge.remedies.remedy import OPTIMIZER, Remedy, cannot

_PYTORCH = """
largest = max(optimizer.param_groups, key=lambda group: sum(p.numel() for p in group["params"]))
for group in optimizer.param_groups:
    group["lr"] = largest["lr"]
"""

REMEDY = Remedy(
    "rates_alike",
    reach=OPTIMIZER,
    rules=("update-ratio", "learning-rate-too-high", "learning-rate-too-low"),
    paper="LeCun et al. (1998), Efficient BackProp, section 4.7",
    touches=frozenset({"rate"}),
    on_spec=cannot("no_such_step"),
    patch={"pytorch": _PYTORCH},
    unwritten={"keras": "one_rate", "jax": "one_rate"},
    idle="one_rate",
)
