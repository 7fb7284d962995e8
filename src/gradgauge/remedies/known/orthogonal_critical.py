"""Orthogonal weights at the critical scale: all directions keep their length, not only the mean."""

from __future__ import annotations

from gradgauge.remedies.known._dense import redrawn, without_norm
from gradgauge.remedies.known.critical_scale import sigma_w
from gradgauge.remedies.remedy import WEIGHTS, Knob, Remedy
from gradgauge.remedies.spec.case import SpecCase
from gradgauge.remedies.trainer import CannotApply
from gradgauge.theory.criticality import critical

_KERAS = """
for layer in model.layers:
    if isinstance(layer, (keras.layers.Dense, keras.layers.Conv1D, keras.layers.Conv2D)):
        layer.kernel.assign(keras.initializers.Orthogonal(gain=$sigma_w)(layer.kernel.shape))
        if layer.bias is not None:
            layer.bias.assign(keras.ops.zeros(layer.bias.shape))
"""

_PYTORCH = """
for module in model.modules():
    if isinstance(module, (torch.nn.Linear, torch.nn.Conv1d, torch.nn.Conv2d)):
        torch.nn.init.orthogonal_(module.weight, gain=$sigma_w)
        if module.bias is not None:
            torch.nn.init.zeros_(module.bias)
"""

_JAX = """
# params: [{"weight": (fan_in, units), "bias": (units,)}, ...]
for layer in params:
    key, own = jax.random.split(key)
    layer["weight"] = jax.nn.initializers.orthogonal($sigma_w)(own, layer["weight"].shape)
    layer["bias"] = jnp.zeros_like(layer["bias"])
"""


def _on_spec(case: SpecCase, knob: float) -> SpecCase:
    without_norm(case)
    names = set(case.network.activations)
    if len(names) > 1:
        raise CannotApply("several_activations")
    point = critical(names.pop(), 0.0)
    if point.sigma_w2 is None:
        raise CannotApply("no_critical_scale")
    return redrawn(case, "orthogonal", knob * point.sigma_w2**0.5)


REMEDY = Remedy(
    "orthogonal_critical",
    reach=WEIGHTS,
    rules=("vanishing-gradient", "signal-collapse", "exploding-gradient"),
    paper="Saxe et al. (2014); Pennington et al. (2017)",
    touches=frozenset({"scale", "norm"}),
    knob=Knob(1.0, 0.7, 1.4),
    on_spec=_on_spec,
    patch={"keras": _KERAS, "pytorch": _PYTORCH, "jax": _JAX},
    facts=sigma_w,
)
