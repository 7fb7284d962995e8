"""Randomized asymmetric initialization: one incoming weight of every unit, or its bias, is drawn
from a distribution of positive numbers, so that fewer units are born dead."""

from __future__ import annotations

import numpy as np

from gradgauge.remedies.known._dense import generator_of, without_norm
from gradgauge.remedies.remedy import WEIGHTS, Remedy
from gradgauge.remedies.spec.case import SpecCase
from gradgauge.spec.network import NetworkSpec
from gradgauge.study.why.counterfactuals import Weights

SPREAD = 0.6007
"""Standard deviation of the others, times sqrt(fan_in): with it, and a Beta(2, 1) weight, the mean
square of the signal stays the same from layer to layer (Lu et al., section 4)."""

_KERAS = """
rng = np.random.default_rng(0)
for layer in model.layers:
    if isinstance(layer, keras.layers.Dense):
        fan_in, units = layer.kernel.shape
        drawn = rng.normal(size=(fan_in + 1, units)) * 0.6007 / fan_in**0.5
        drawn[rng.integers(fan_in + 1, size=units), np.arange(units)] = rng.beta(2, 1, units)
        layer.kernel.assign(drawn[:-1])
        layer.bias.assign(drawn[-1])
"""

_PYTORCH = """
with torch.no_grad():
    for module in model.modules():
        if isinstance(module, torch.nn.Linear):
            units, fan_in = module.weight.shape
            drawn = torch.randn(units, fan_in + 1) * 0.6007 / fan_in**0.5
            one = torch.randint(fan_in + 1, (units,))
            drawn[torch.arange(units), one] = torch.rand(units) ** 0.5
            module.weight.copy_(drawn[:, :-1])
            module.bias.copy_(drawn[:, -1])
"""

_JAX = """
# params: [{"weight": (fan_in, units), "bias": (units,)}, ...]
for layer in params:
    key, own, which, how = jax.random.split(key, 4)
    fan_in, units = layer["weight"].shape
    drawn = jax.random.normal(own, (fan_in + 1, units)) * 0.6007 / fan_in**0.5
    one = jax.random.randint(which, (units,), 0, fan_in + 1)
    drawn = drawn.at[one, jnp.arange(units)].set(jax.random.beta(how, 2, 1, (units,)))
    layer["weight"], layer["bias"] = drawn[:-1], drawn[-1]
"""


def _on_spec(case: SpecCase, knob: float) -> SpecCase:
    del knob
    without_norm(case)
    return case.adjusted(_asymmetric)


def _asymmetric(network: NetworkSpec, params: Weights, inputs: np.ndarray) -> Weights:
    del network, inputs
    rng = generator_of(params)
    new = []
    for block in params:
        rows, fan_in, units = block["weight"].shape
        drawn = rng.normal(size=(rows, fan_in + 1, units)) * SPREAD / np.sqrt(fan_in)
        for row in range(rows):
            one = rng.integers(fan_in + 1, size=units)
            drawn[row, one, np.arange(units)] = rng.beta(2, 1, units)
        new.append({**block, "weight": drawn[:, :-1], "bias": drawn[:, -1]})
    return tuple(new)


REMEDY = Remedy(
    "asymmetric_init",
    reach=WEIGHTS,
    rules=("dead-units",),
    paper="Lu et al. (2020), arXiv 1903.06733",
    touches=frozenset({"scale", "bias", "dead"}),
    on_spec=_on_spec,
    patch={"keras": _KERAS, "pytorch": _PYTORCH, "jax": _JAX},
)
