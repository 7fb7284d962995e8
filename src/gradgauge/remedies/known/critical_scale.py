"""Initial weights at the scale where the error signal keeps its length."""

from __future__ import annotations

import numpy as np

from gradgauge.errors import UnknownName
from gradgauge.remedies.known._dense import without_norm
from gradgauge.remedies.remedy import WEIGHTS, Knob, Remedy
from gradgauge.remedies.spec.case import SpecCase
from gradgauge.remedies.trainer import CannotApply
from gradgauge.spec.network import NetworkSpec
from gradgauge.study.why.counterfactuals import Weights, critical_factor, times_hidden
from gradgauge.theory.advice import init_advice

_KERAS = """
# @hidden_variance
hidden = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)][1:-1]
for layer in hidden:
    fan_in = layer.kernel.shape[0]
    layer.kernel.assign(keras.random.normal(layer.kernel.shape) * $sigma_w / fan_in**0.5)
    layer.bias.assign(keras.ops.zeros(layer.bias.shape))
"""

_PYTORCH = """
# @hidden_variance
for module in [m for m in model.modules() if isinstance(m, torch.nn.Linear)][1:-1]:
    torch.nn.init.normal_(module.weight, std=$sigma_w / module.in_features**0.5)
    torch.nn.init.zeros_(module.bias)
"""

_JAX = """
# params: [{"weight": (fan_in, units), "bias": (units,)}, ...]
for layer in params[1:-1]:
    key, own = jax.random.split(key)
    fan_in = layer["weight"].shape[0]
    layer["weight"] = jax.random.normal(own, layer["weight"].shape) * $sigma_w / fan_in**0.5
    layer["bias"] = jnp.zeros_like(layer["bias"])
"""


def _on_spec(case: SpecCase, knob: float) -> SpecCase:
    without_norm(case)
    factor = critical_factor(case.network)
    if factor is None:
        raise CannotApply("no_critical_scale")
    if abs(factor - 1) < 0.02:
        raise CannotApply("critical_already")

    def adjustment(network: NetworkSpec, params: Weights, inputs: np.ndarray) -> Weights:
        del network, inputs
        return times_hidden(params, factor * knob)

    return case.adjusted(adjustment)


def sigma_w(knob: float, activation: str) -> dict[str, object]:
    """The critical scale of an activation, for advice and patch."""
    try:
        return {"sigma_w": knob * init_advice(activation).sigma_w}
    except UnknownName:
        return {"sigma_w": knob}


REMEDY = Remedy(
    "critical_scale",
    reach=WEIGHTS,
    rules=("vanishing-gradient", "signal-collapse", "exploding-gradient"),
    paper="Poole et al. (2016); Schoenholz et al. (2017)",
    touches=frozenset({"scale", "norm"}),
    knob=Knob(1.0, 0.5, 2.0),
    on_spec=_on_spec,
    patch={"keras": _KERAS, "pytorch": _PYTORCH, "jax": _JAX},
    facts=sigma_w,
)
