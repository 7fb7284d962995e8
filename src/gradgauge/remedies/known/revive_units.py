"""New incoming weights for units that no input opens, and for them alone."""

from __future__ import annotations

import numpy as np

from gradgauge.gauges import PROBE_SAMPLES
from gradgauge.parts.activations import ACTIVATIONS
from gradgauge.remedies.known._dense import without_norm
from gradgauge.remedies.remedy import WEIGHTS, Remedy
from gradgauge.remedies.spec.case import SpecCase
from gradgauge.spec.network import NetworkSpec
from gradgauge.study.why.counterfactuals import Weights

_KERAS = """
# @dead_units
h = x[:1000]
for layer in model.layers:
    z = h
    h = keras.ops.convert_to_numpy(layer(h))
    if isinstance(layer, keras.layers.Dense) and layer is not model.layers[-1]:
        dead = (h == 0).all(axis=0)
        kernel, bias = (np.array(w) for w in layer.get_weights())
        kernel[:, dead] = np.array(keras.initializers.HeNormal()(kernel.shape))[:, dead]
        bias[dead] = 0
        layer.set_weights([kernel, bias])
        h = keras.ops.convert_to_numpy(layer(z))
"""

_PYTORCH = """
# @dead_units
with torch.no_grad():
    h, parts = x[:1000], list(model)
    for module, after in zip(parts, [*parts[1:], None]):
        if isinstance(module, torch.nn.Linear) and after is not None:
            dead = (after(module(h)) == 0).all(dim=0)
            new = torch.empty_like(module.weight)
            torch.nn.init.kaiming_normal_(new, nonlinearity="relu")
            module.weight[dead] = new[dead]
            module.bias[dead] = 0
        h = module(h)
"""

_JAX = """
# params: [{"weight": (fan_in, units), "bias": (units,)}, ...]
# @f_and_x
h = x[:1000]
for layer in params[:-1]:
    key, own = jax.random.split(key)
    dead = (f(h @ layer["weight"] + layer["bias"]) == 0).all(axis=0)
    new = jax.nn.initializers.he_normal()(own, layer["weight"].shape)
    layer["weight"] = jnp.where(dead, new, layer["weight"])
    layer["bias"] = jnp.where(dead, 0, layer["bias"])
    h = f(h @ layer["weight"] + layer["bias"])
"""


def _on_spec(case: SpecCase, knob: float) -> SpecCase:
    del knob
    without_norm(case)
    return case.adjusted(revived, PROBE_SAMPLES)


def revived(network: NetworkSpec, params: Weights, inputs: np.ndarray) -> Weights:
    """The parameters with He weights and a bias of 0 for units whose slope is 0 on all inputs.

    The paper does so all along the training and cuts what leaves such a unit; at the initial
    weights there is nothing to keep, and what leaves it stays.

    Args:
        network: the spec.
        params: its drawn parameters.
        inputs: (samples, inputs).

    References:
        Sokar et al. (2023), The dormant neuron phenomenon in deep reinforcement learning (ReDo).
    """
    stream, skip, layer, new = np.asarray(inputs, np.float64), None, 0, []
    for block in params[:-1]:
        weight, bias = block["weight"].copy(), block["bias"].copy()
        for row in range(len(weight)):
            part = ACTIVATIONS[network.activations[layer]]
            dead = (part.slope(stream @ weight[row] + bias[row]) == 0).all(axis=0)
            rng = np.random.default_rng([layer, int(dead.sum())])
            drawn = rng.normal(size=weight[row].shape) * np.sqrt(2 / weight[row].shape[0])
            weight[row] = np.where(dead, drawn, weight[row])
            bias[row] = np.where(dead, 0.0, bias[row])
            stream = part.f(stream @ weight[row] + bias[row])
            if network.skip and layer % network.skip == 0:
                stream = stream if skip is None else stream + skip
                skip = stream
            layer += 1
        new.append({**block, "weight": weight, "bias": bias})
    return (*new, params[-1])


REMEDY = Remedy(
    "revive_units",
    reach=WEIGHTS,
    rules=("dead-units",),
    paper="Sokar et al. (2023), ReDo",
    touches=frozenset({"dead"}),
    on_spec=_on_spec,
    idle="no_dead_units",
    patch={"keras": _KERAS, "pytorch": _PYTORCH, "jax": _JAX},
)
