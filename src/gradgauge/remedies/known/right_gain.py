"""Initial weights of the gain that theory asks for after this activation."""

from __future__ import annotations

from gradgauge.diagnosis.rules.bad_initial_scale import right_gain
from gradgauge.remedies.known._dense import LECUN, redrawn
from gradgauge.remedies.remedy import WEIGHTS, Knob, Remedy
from gradgauge.remedies.spec.case import SpecCase
from gradgauge.remedies.trainer import CannotApply

_KERAS = """
for layer in model.layers:
    if isinstance(layer, (keras.layers.Dense, keras.layers.Conv1D, keras.layers.Conv2D)):
        layer.kernel.assign(keras.initializers.LecunNormal()(layer.kernel.shape) * $gain)
        if layer.bias is not None:
            layer.bias.assign(keras.ops.zeros(layer.bias.shape))
"""

_PYTORCH = """
for module in model.modules():
    if isinstance(module, (torch.nn.Linear, torch.nn.Conv1d, torch.nn.Conv2d)):
        torch.nn.init.normal_(module.weight, std=$gain / module.weight[0].numel() ** 0.5)
        if module.bias is not None:
            torch.nn.init.zeros_(module.bias)
"""

_JAX = """
# params: [{"weight": (fan_in, units), "bias": (units,)}, ...]
for layer in params:
    key, own = jax.random.split(key)
    layer["weight"] = jax.nn.initializers.lecun_normal()(own, layer["weight"].shape) * $gain
    layer["bias"] = jnp.zeros_like(layer["bias"])
"""


def _on_spec(case: SpecCase, knob: float) -> SpecCase:
    names = set(case.network.activations)
    if len(names) > 1:
        raise CannotApply("several_activations")
    return redrawn(case, LECUN, knob * right_gain(names.pop()))


def _facts(knob: float, activation: str) -> dict[str, object]:
    return {"gain": knob * right_gain(activation)}


REMEDY = Remedy(
    "right_gain",
    reach=WEIGHTS,
    rules=("bad-initial-scale",),
    paper="Poole et al. (2016)",
    touches=frozenset({"scale"}),
    knob=Knob(1.0, 0.5, 2.0),
    on_spec=_on_spec,
    patch={"keras": _KERAS, "pytorch": _PYTORCH, "jax": _JAX},
    facts=_facts,
)
