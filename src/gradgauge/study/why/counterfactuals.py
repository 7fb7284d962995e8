"""Counterfactuals: the same network with one thing changed, and what the change is about."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gradgauge.engine.build import Adjust, Params
from gradgauge.parts.activations import ACTIVATIONS
from gradgauge.parts.initializers import INITIALIZERS
from gradgauge.spec.network import NetworkSpec
from gradgauge.theory.criticality import critical
from gradgauge.theory.network import layer_sigmas

Weights = tuple[Params, ...]
"""A network's parameters, block by block."""

CONTROL = "control"
SLOPE, CENTRING, WEIGHT_SCALE = "slope", "centring", "weight-scale"
CAUSES = (SLOPE, CENTRING, WEIGHT_SCALE)

_RESCALED = {"sigmoid": "scaled_sigmoid"}
"""Activations that another one repairs from inside: slope 1 and mean 0 at the origin."""

_SKIP = 2


@dataclass(frozen=True)
class Counterfactual:
    """One network of the experiment.

    Attributes:
        name: short and stable: `control`, `slope`, `slope+centring`, ...
        changes: which of CAUSES it repairs; empty where it changes something else.
        facts: numbers for the sentence that says what was changed.
        network: the spec.
        adjust: what is done to its initial parameters.
        centered: whether the activations' mean is taken out, for the prediction.
        weight_factor: what the hidden weights are multiplied by, for the prediction.
    """

    name: str
    network: NetworkSpec
    changes: frozenset[str] = frozenset()
    facts: tuple[tuple[str, object], ...] = ()
    adjust: Adjust | None = None
    centered: bool = False
    weight_factor: float = 1.0


def arms_of(network: NetworkSpec, inputs: np.ndarray) -> list[Counterfactual]:
    """The control and every counterfactual that changes something in it.

    Args:
        network: the network as it is.
        inputs: a sample of its inputs, (samples, inputs), for the means that centring removes.
    """
    arms = [Counterfactual(CONTROL, network)]
    factor = 1 / max(ACTIVATIONS[name].max_slope for name in network.activations)
    centring = _centring(network, inputs)
    steep = factor > 1 and not math.isclose(factor, 1)
    if steep:
        arms.append(_scaled(network, SLOPE, factor, frozenset({SLOPE})))
    if network.norm == "none":
        arms.append(
            Counterfactual(CENTRING, network, frozenset({CENTRING}), (), centring(1.0), True)
        )
        if steep:
            both = frozenset({SLOPE, CENTRING})
            facts = (("factor", factor),)
            arms.append(
                Counterfactual(
                    f"{SLOPE}+{CENTRING}", network, both, facts, centring(factor), True, factor
                )
            )
    arms += _replacements(network)
    return arms


def _replacements(network: NetworkSpec) -> list[Counterfactual]:
    arms = []
    scale = critical_factor(network)
    if scale is not None and not math.isclose(scale, 1, rel_tol=0.02):
        arms.append(_scaled(network, WEIGHT_SCALE, scale, frozenset({WEIGHT_SCALE})))
    names = set(network.activations)
    if names & _RESCALED.keys():
        renamed = tuple(
            type(layer)(layer.width, _RESCALED.get(layer.activation, layer.activation))
            for layer in network.hidden
        )
        arms.append(Counterfactual("rescaled", network.replace(hidden=renamed)))
    if network.init != "orthogonal":
        arms.append(_orthogonal(network))
    if network.norm == "none":
        arms.append(Counterfactual("layer-norm", network.replace(norm="layer")))
    if not network.skip and network.depth > _SKIP and _one_width(network):
        arms.append(Counterfactual("skips", network.replace(skip=_SKIP), facts=(("every", _SKIP),)))
    if names != {"relu"}:
        arms.append(Counterfactual("relu", network.with_activation("relu")))
    return arms


def critical_factor(network: NetworkSpec) -> float | None:
    """What the hidden weights must be multiplied by for chi_grad = 1; None where nothing does."""
    names = set(network.activations)
    if len(names) > 1 or network.depth < 2 or network.norm != "none":
        return None
    sigma_w, sigma_b = layer_sigmas(network)[1]
    wanted = critical(names.pop(), sigma_b).sigma_w2
    if wanted is None or sigma_w == 0:
        return None
    return math.sqrt(wanted) / sigma_w


def _scaled(
    network: NetworkSpec, name: str, factor: float, changes: frozenset[str]
) -> Counterfactual:
    def adjust(params: Weights) -> Weights:
        return times_hidden(params, factor)

    return Counterfactual(
        name, network, changes, (("factor", factor),), adjust, weight_factor=factor
    )


def times_hidden(params: Weights, factor: float) -> Weights:
    """Weights between hidden layers times `factor`; those of the input and output as they are."""
    scaled = []
    for number, block in enumerate(params[:-1]):
        weight = block["weight"].copy()
        weight[1 if number == 0 else 0 :] *= factor
        scaled.append({**block, "weight": weight})
    return (*scaled, params[-1])


def _centring(network: NetworkSpec, inputs: np.ndarray) -> Callable[[float], Adjust]:
    """(factor of the hidden weights) -> adjustment of the biases that takes means out.

    Layer by layer on the sample: b = -m sum_i W_i, m the mean of the layer's own input
    activations (for sigmoids 1/2, so b = -1/2 sum W).
    """

    def by_factor(factor: float) -> Adjust:
        def adjust(params: Weights) -> Weights:
            params = times_hidden(params, factor)
            return centered(network, params, inputs)

        return adjust

    return by_factor


def centered(network: NetworkSpec, params: Weights, inputs: np.ndarray) -> Weights:
    """Biases shifted so that each layer sees its input activations without their mean."""
    stream, skip, new, layer = inputs.astype(np.float64), None, [], 0
    for block in params[:-1]:
        bias = block["bias"].copy()
        for row in range(len(bias)):
            weight = block["weight"][row]
            if layer:
                bias[row] = block["bias"][row] - stream.mean() * weight.sum(axis=0)
            stream = ACTIVATIONS[network.activations[layer]].f(stream @ weight + bias[row])
            if network.skip and layer % network.skip == 0:
                stream = stream if skip is None else stream + skip
                skip = stream
            layer += 1
        new.append({**block, "bias": bias})
    last = params[-1]
    shift = stream.mean() * last["weight"][0].sum(axis=0)
    return (*new, {**last, "bias": last["bias"] - shift})


def _orthogonal(network: NetworkSpec) -> Counterfactual:
    """Orthogonal weights of the same variance as the drawn ones."""
    sigmas = [sigma for sigma, _ in layer_sigmas(network)]
    init = INITIALIZERS["orthogonal"]
    drawn = [
        s / math.sqrt(m * init.variance(m, n)) if s else 1.0
        for s, (m, n) in zip(sigmas, network.shapes, strict=True)
    ]

    def adjust(params: Weights) -> Weights:
        layer, new = 0, []
        for block in params:
            count = len(block["weight"])
            factors = np.array(drawn[layer : layer + count])[:, None, None]
            new.append({**block, "weight": block["weight"] * factors})
            layer += count
        return tuple(new)

    spec = network.replace(init="orthogonal", scale=1.0)
    return Counterfactual("orthogonal", spec, adjust=adjust)


def _one_width(network: NetworkSpec) -> bool:
    return len({layer.width for layer in network.hidden}) == 1
