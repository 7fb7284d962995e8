"""Norms of weights learned before the training, so that the first steps change gradients little."""

from __future__ import annotations

import importlib

import numpy as np

from gradgauge.remedies.known._dense import generator_of
from gradgauge.remedies.remedy import WEIGHTS, Remedy
from gradgauge.remedies.spec.case import SpecCase
from gradgauge.spec.network import NetworkSpec
from gradgauge.study.why.counterfactuals import Weights

STEPS, SAMPLES, RATE, MOMENTUM = 60, 64, 0.1, 0.9
_QUOTIENT = "gradgauge.remedies.spec.quotient"
_LEAST = 0.01
"""Share of a norm that one step leaves at least."""

_PYTORCH = """
# @quotient
weights = [p for p in model.parameters() if p.dim() > 1 and p.requires_grad]
speed = [0.0 for _ in weights]
for _ in range(60):
    at = torch.randint(len(x[:1000]), (64,))
    gradients = torch.autograd.grad(loss(model(x[at]), y[at]), weights, create_graph=True)
    half = sum((g * g).sum() for g in gradients) / 2
    change = torch.autograd.grad(half, weights, create_graph=True)
    safe = [g + 1e-5 * torch.where(g >= 0, 1.0, -1.0) for g in gradients]
    parts = [((g - c) / s - 1).abs().sum() for g, c, s in zip(gradients, change, safe)]
    slopes = torch.autograd.grad(sum(parts) / sum(w.numel() for w in weights), weights)
    with torch.no_grad():
        for number, (weight, slope) in enumerate(zip(weights, slopes)):
            speed[number] = 0.9 * speed[number] - 0.1 * float((slope * weight).sum().sign())
            norm = float(weight.norm())
            weight.mul_(max(norm + speed[number], 0.01 * norm) / norm)
"""

_JAX = """
# @quotient
# params: [{"weight": (fan_in, units), "bias": (units,)}, ...]
xs, ys = jnp.asarray(x[:1000]), jnp.asarray(y[:1000])


def quotient(weights, rows):
    def of(weights):
        return loss([{**p, "weight": w} for p, w in zip(params, weights)], xs[rows], ys[rows])

    gradients = jax.grad(of)(weights)
    change = jax.grad(lambda w: sum((g * g).sum() for g in jax.grad(of)(w)) / 2)(weights)
    safe = [g + 1e-5 * jnp.where(g >= 0, 1.0, -1.0) for g in gradients]
    parts = [abs((g - c) / s - 1).sum() for g, c, s in zip(gradients, change, safe)]
    return sum(parts) / sum(w.size for w in weights)


slope_of = jax.jit(jax.grad(quotient))
weights, speed = [layer["weight"] for layer in params], [0.0 for _ in params]
for _ in range(60):
    key, own = jax.random.split(key)
    slopes = slope_of(weights, jax.random.randint(own, (64,), 0, len(xs)))
    for number, slope in enumerate(slopes):
        weight = weights[number]
        speed[number] = 0.9 * speed[number] - 0.1 * float(jnp.sign((slope * weight).sum()))
        norm = float(jnp.linalg.norm(weight))
        weights[number] = weight * max(norm + speed[number], 0.01 * norm) / norm
for layer, weight in zip(params, weights):
    layer["weight"] = weight
"""


def _on_spec(case: SpecCase, knob: float) -> SpecCase:
    del knob
    return case.adjusted(metainit, 6 * STEPS * SAMPLES)


def metainit(network: NetworkSpec, params: Weights, inputs: np.ndarray) -> Weights:
    """The parameters with weights of other norms: descent of the gradient quotient by the sign of
    its slope along every weight matrix, with momentum.

    As in the paper the targets are random: the quotient is about curvature, not about the task.

    Args:
        network: the spec.
        params: its drawn parameters.
        inputs: (samples, inputs).

    References:
        Dauphin & Schoenholz (2019), MetaInit: Initializing learning by learning to initialize.
    """
    # By name: who reads the list of remedies does not import JAX.
    slope_of = importlib.import_module(_QUOTIENT).slope_of
    rng = generator_of(params)
    norms = np.concatenate([np.sqrt((b["weight"] ** 2).sum(axis=(1, 2))) for b in params])
    norms = np.where(norms > 0, norms, 1.0)
    slope, own = slope_of(network), norms.copy()
    speed = np.zeros(len(norms))
    for _ in range(STEPS):
        x = inputs[rng.integers(len(inputs), size=SAMPLES)]
        targets = np.eye(network.outputs)[rng.integers(network.outputs, size=SAMPLES)]
        found = np.asarray(slope(own / norms, params, x, targets))
        speed = MOMENTUM * speed - RATE * np.sign(np.nan_to_num(found))
        own = np.maximum(own + speed, _LEAST * own)
    ends = np.cumsum([len(block["weight"]) for block in params])
    factors = np.split(own / norms, ends[:-1])
    return tuple(
        {**block, "weight": block["weight"] * factor[:, None, None]}
        for block, factor in zip(params, factors, strict=True)
    )


REMEDY = Remedy(
    "metainit",
    reach=WEIGHTS,
    rules=("vanishing-gradient", "exploding-gradient", "bad-initial-scale"),
    paper="Dauphin & Schoenholz (2019)",
    touches=frozenset({"scale"}),
    on_spec=_on_spec,
    patch={"pytorch": _PYTORCH, "jax": _JAX},
    unwritten={"keras": "no_second_derivatives"},
)
