"""Inputs of mean 0 and spread 1, feature by feature."""

from __future__ import annotations

from gradgauge.remedies.remedy import DATA, Remedy
from gradgauge.remedies.spec.case import SpecCase

_KERAS = """
# @new_inputs
mean, spread = x.mean(axis=0), x.std(axis=0)
x = (x - mean) / np.where(spread > 0, spread, 1)
"""

_PYTORCH = """
# @new_inputs
mean, spread = x.mean(dim=0), x.std(dim=0)
x = (x - mean) / torch.where(spread > 0, spread, 1)
"""

_JAX = """
# @new_inputs
mean, spread = x.mean(axis=0), x.std(axis=0)
x = (x - mean) / jnp.where(spread > 0, spread, 1)
"""


def _on_spec(case: SpecCase, knob: float) -> SpecCase:
    del knob
    return case.replace(standardized=True)


REMEDY = Remedy(
    "scale_inputs",
    reach=DATA,
    rules=("unscaled-input", "saturated-units", "dead-units"),
    paper="LeCun et al. (1998), Efficient BackProp, section 4.3",
    touches=frozenset({"inputs"}),
    on_spec=_on_spec,
    patch={"keras": _KERAS, "pytorch": _PYTORCH, "jax": _JAX},
)
