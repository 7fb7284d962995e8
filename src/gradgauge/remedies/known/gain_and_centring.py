"""The slope's loss and the activation's mean taken out by weights and biases alone."""

from __future__ import annotations

import numpy as np

from gradgauge.gauges import PROBE_SAMPLES
from gradgauge.parts.activations import ACTIVATIONS
from gradgauge.remedies.known._dense import steepest, without_norm
from gradgauge.remedies.remedy import WEIGHTS, Knob, Remedy
from gradgauge.remedies.spec.case import SpecCase
from gradgauge.remedies.trainer import CannotApply
from gradgauge.spec.network import NetworkSpec
from gradgauge.study.why.counterfactuals import Weights, centered, times_hidden

_KERAS = """
# @gain_and_means
h = x[:1000]
for number, layer in enumerate(model.layers):
    if isinstance(layer, keras.layers.Dense):
        kernel, bias = (np.array(w) for w in layer.get_weights())
        hidden = layer is not model.layers[-1] and np.ptp(h) > 0 and layer.units == np.shape(h)[-1]
        kernel *= $gain if hidden else 1.0
        if layer is not next(f for f in model.layers if isinstance(f, keras.layers.Dense)):
            bias -= float(np.mean(h)) * kernel.sum(axis=0)
        layer.set_weights([kernel, bias])
    h = keras.ops.convert_to_numpy(layer(h))
"""

_PYTORCH = """
# @gain_and_means
model.eval()
with torch.no_grad():
    linear = [m for m in model.modules() if isinstance(m, torch.nn.Linear)]
    for module in linear[1:]:
        if module is not linear[-1]:
            module.weight.mul_($gain)
        h = []
        hook = module.register_forward_pre_hook(lambda module, inputs: h.append(inputs[0]))
        model(x[:1000])
        hook.remove()
        if h and module.bias is not None:
            module.bias.sub_(h[-1].mean() * module.weight.sum(dim=1))
model.train()
"""

_JAX = """
# params: [{"weight": (fan_in, units), "bias": (units,)}, ...]
# @f_and_x
h = x[:1000]
for number, layer in enumerate(params):
    if number:
        if number < len(params) - 1:
            layer["weight"] = layer["weight"] * $gain
        layer["bias"] = layer["bias"] - h.mean() * layer["weight"].sum(axis=0)
    h = f(h @ layer["weight"] + layer["bias"])
"""


def _on_spec(case: SpecCase, knob: float) -> SpecCase:
    without_norm(case)
    slope = steepest(case.network.activations)
    if slope >= 1:
        raise CannotApply("steep_enough")

    def adjustment(network: NetworkSpec, params: Weights, inputs: np.ndarray) -> Weights:
        return centered(network, times_hidden(params, knob / slope), inputs)

    return case.adjusted(adjustment, PROBE_SAMPLES)


def _gain(knob: float, activation: str) -> dict[str, object]:
    part = ACTIVATIONS.get(activation)
    return {"gain": knob / part.max_slope if part is not None else knob}


REMEDY = Remedy(
    "gain_and_centring",
    reach=WEIGHTS,
    rules=("vanishing-gradient", "signal-collapse", "loss-not-falling"),
    paper="Glorot & Bengio (2010), section 3; Ven & Lederer (2021), arXiv 2106.02260",
    touches=frozenset({"scale", "norm"}),
    knob=Knob(1.0, 0.5, 2.5),
    on_spec=_on_spec,
    patch={"keras": _KERAS, "pytorch": _PYTORCH, "jax": _JAX},
    facts=_gain,
)
