"""Layer-sequential unit variance: orthonormal weights, scaled until z has the spread wanted."""

from __future__ import annotations

import numpy as np

from gradgauge.gauges import PROBE_SAMPLES
from gradgauge.parts.activations import ACTIVATIONS
from gradgauge.remedies.known._dense import without_norm
from gradgauge.remedies.remedy import WEIGHTS, Knob, Remedy
from gradgauge.remedies.spec.case import SpecCase
from gradgauge.spec.network import NetworkSpec
from gradgauge.study.why.counterfactuals import Weights

_KERAS = """
# @orthonormal
h = x[:1000]
for layer in model.layers:
    if isinstance(layer, keras.layers.Dense):
        layer.kernel.assign(keras.initializers.Orthogonal()(layer.kernel.shape))
        layer.bias.assign(keras.ops.zeros(layer.bias.shape))
        z = h @ keras.ops.convert_to_numpy(layer.kernel)
        layer.kernel.assign(layer.kernel * ($knob / float(np.std(z))))
    h = keras.ops.convert_to_numpy(layer(h))
"""

_PYTORCH = """
# @orthonormal
model.eval()
with torch.no_grad():
    for module in model.modules():
        if isinstance(module, (torch.nn.Linear, torch.nn.Conv1d, torch.nn.Conv2d)):
            torch.nn.init.orthogonal_(module.weight)
            if module.bias is not None:
                torch.nn.init.zeros_(module.bias)
            z = []
            hook = module.register_forward_hook(lambda module, inputs, output: z.append(output))
            model(x[:1000])
            hook.remove()
            if z and z[-1].std() > 0:
                module.weight.mul_($knob / z[-1].std())
model.train()
"""

_JAX = """
# params: [{"weight": (fan_in, units), "bias": (units,)}, ...]
# @f_and_x
h = x[:1000]
for layer in params:
    key, own = jax.random.split(key)
    weight = jax.nn.initializers.orthogonal()(own, layer["weight"].shape)
    layer["weight"] = weight * $knob / (h @ weight).std()
    layer["bias"] = jnp.zeros_like(layer["bias"])
    h = f(h @ layer["weight"])
"""


def _on_spec(case: SpecCase, knob: float) -> SpecCase:
    without_norm(case)

    def adjustment(network: NetworkSpec, params: Weights, inputs: np.ndarray) -> Weights:
        return unit_variance(network, params, inputs, knob)

    return case.adjusted(adjustment, PROBE_SAMPLES)


def unit_variance(
    network: NetworkSpec, params: Weights, inputs: np.ndarray, spread: float = 1.0
) -> Weights:
    """Orthonormal weights of the drawn ones' directions, biases 0, and every z of one spread.

    z is linear in the weights, so that one pass finds the scale that the paper's repeats look for.

    Args:
        network: the spec.
        params: its drawn parameters.
        inputs: (samples, inputs).
        spread: the standard deviation of z over samples and units.

    References:
        Mishkin & Matas (2016), All you need is a good init.
    """
    stream, skip, layer, new = np.asarray(inputs, np.float64), None, 0, []
    for block in params:
        weight, bias = block["weight"].copy(), np.zeros_like(block["bias"])
        for row in range(len(weight)):
            directions = orthonormal(weight[row])
            std = float((stream @ directions).std())
            weight[row] = directions * (spread / std if std > 0 else 1.0)
            if layer < network.depth:
                stream = ACTIVATIONS[network.activations[layer]].f(stream @ weight[row])
                if network.skip and layer % network.skip == 0:
                    stream = stream if skip is None else stream + skip
                    skip = stream
            layer += 1
        new.append({**block, "weight": weight, "bias": bias})
    return tuple(new)


def orthonormal(weight: np.ndarray) -> np.ndarray:
    """The matrix with orthonormal rows or columns that is nearest to a drawn one."""
    left, _, right = np.linalg.svd(weight, full_matrices=False)
    return left @ right


REMEDY = Remedy(
    "lsuv",
    reach=WEIGHTS,
    rules=(
        "vanishing-gradient",
        "exploding-gradient",
        "signal-collapse",
        "bad-initial-scale",
        "non-finite",
    ),
    paper="Mishkin & Matas (2016)",
    touches=frozenset({"scale", "norm"}),
    knob=Knob(1.0, 0.5, 2.0),
    on_spec=_on_spec,
    patch={"keras": _KERAS, "pytorch": _PYTORCH, "jax": _JAX},
)
