"""The network of the page as code: for Keras, PyTorch and JAX, initial weights included.

What differs between frameworks is told by numbers: each layer's initial weights by their
distribution and its size, so that no framework's own default or truncation comes in.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby

from gradgauge.errors import UnknownName
from gradgauge.parts.activations import ACTIVATIONS
from gradgauge.parts.initializers import INITIALIZERS
from gradgauge.parts.normalizations import NORMALIZATIONS
from gradgauge.play.settings import read
from gradgauge.spec.network import NetworkSpec
from gradgauge.spec.notation import write

_UNIFORM = ("glorot_uniform", "he_uniform", "uniform", "pytorch")


@dataclass(frozen=True)
class _Words:
    """How a framework writes what a layer needs."""

    activation: Callable[[str], str]
    initial: Callable[[str, float], str]
    template: str


def code_of(fragment: str, place: int, framework: str, inputs: int, outputs: int) -> str:
    """A network of an address as a program.

    Args:
        fragment: the text after `#`.
        place: 0, or 1 for the second network.
        framework: one of FRAMEWORKS.
        inputs, outputs: of the data.

    Raises:
        GradgaugeError: what `read` raises; no such network or framework.
    """
    sides = read(fragment).settings.sides
    if place not in range(len(sides)):
        raise UnknownName("network", str(place), [str(n) for n in range(len(sides))])
    return network_code(sides[place].network(inputs, outputs), framework)


def network_code(network: NetworkSpec, framework: str) -> str:
    """As `code_of`, of a spec."""
    if framework not in FRAMEWORKS:
        raise UnknownName("framework", framework, FRAMEWORKS)
    words = FRAMEWORKS[framework]
    rows = [
        f"({fan_out}, {words.activation(name)}, {_initial(network, fan_in, fan_out, words)})"
        for (fan_in, fan_out), name in zip(network.shapes, network.activations, strict=False)
    ]
    runs = [(row, len(list(run))) for row, run in groupby(rows)]
    layers = "\n".join(f"    *[{row}] * {n}," if n > 1 else f"    {row}," for row, n in runs)
    norm = NORMALIZATIONS[network.norm]
    return words.template.format(
        notation=write(network),
        layers=layers,
        last=_initial(network, *network.shapes[-1], words),
        inputs=network.inputs,
        outputs=network.outputs,
        norm=network.norm,
        skip=network.skip,
        epsilon=norm.epsilon,
        momentum=norm.momentum,
    )


def _initial(network: NetworkSpec, fan_in: int, fan_out: int, words: _Words) -> str:
    init = INITIALIZERS[network.init]
    if network.init == "orthogonal":
        return words.initial("orthogonal", network.scale)
    size = network.scale * math.sqrt(init.variance(fan_in, fan_out))
    if network.init == "constant":
        return words.initial("constant", size)
    uniform = network.init in _UNIFORM
    return words.initial(
        "uniform" if uniform else "normal", round(size * math.sqrt(3) if uniform else size, 9)
    )


def _keras_activation(name: str) -> str:
    spelled = ACTIVATIONS[name].keras
    if spelled.isidentifier():
        return f'keras.activations.get("{spelled}")'
    if spelled.startswith("keras.activations.") and spelled.endswith(")"):
        function, _, options = spelled.partition("(")
        return f"lambda x: {function}(x, {options}"
    return _expression(spelled)


def _torch_activation(name: str) -> str:
    spelled = ACTIVATIONS[name].pytorch
    if spelled.isidentifier():
        return f"torch.nn.{spelled}()"
    if spelled[0].isupper():
        return f"torch.nn.{spelled}"
    return _expression(spelled)


def _expression(spelled: str) -> str:
    return f"lambda x: {spelled}" if " x" in spelled or "(x)" in spelled else spelled


def _keras_initial(kind: str, size: float) -> str:
    return {
        "uniform": f"keras.initializers.RandomUniform(-{size}, {size})",
        "normal": f"keras.initializers.RandomNormal(0.0, {size})",
        "orthogonal": f"keras.initializers.Orthogonal({size})",
        "constant": f"keras.initializers.Constant({size})",
    }[kind]


def _torch_initial(kind: str, size: float) -> str:
    return {
        "uniform": f"lambda w: torch.nn.init.uniform_(w, -{size}, {size})",
        "normal": f"lambda w: torch.nn.init.normal_(w, 0.0, {size})",
        "orthogonal": f"lambda w: torch.nn.init.orthogonal_(w, {size})",
        "constant": f"lambda w: torch.nn.init.constant_(w, {size})",
    }[kind]


def _jax_initial(kind: str, size: float) -> str:
    return {
        "uniform": f"lambda key, shape: jax.random.uniform(key, shape, minval=-{size}, maxval={size})",
        "normal": f"lambda key, shape: {size} * jax.random.normal(key, shape)",
        "orthogonal": f"jax.nn.initializers.orthogonal({size})",
        "constant": f"jax.nn.initializers.constant({size})",
    }[kind]


_JAX_ACTIVATIONS = {
    "arctan": "jnp.arctan",
    "erf": "jax.scipy.special.erf",
    "exponential": "jnp.exp",
    "gelu": "lambda x: jax.nn.gelu(x, approximate=False)",
    "gelu_tanh": "lambda x: jax.nn.gelu(x, approximate=True)",
    "hard_sigmoid": "jax.nn.hard_sigmoid",
    "hardtanh": "jax.nn.hard_tanh",
    "linear": "lambda x: x",
    "scaled_sigmoid": "lambda x: 4 * jax.nn.sigmoid(x) - 2",
    "sin": "jnp.sin",
    "softsign": "jax.nn.soft_sign",
    "tanh": "jnp.tanh",
}


def _jax_activation(name: str) -> str:
    return _JAX_ACTIVATIONS.get(name, f"jax.nn.{name}")


_KERAS = """\
# {notation}
import keras

SKIP, EPSILON = {skip}, {epsilon}
LAYERS = [  # units, activation, initial weights
{layers}
]


def normalized(x):
    if "{norm}" == "batch":
        return keras.layers.BatchNormalization(momentum={momentum}, epsilon=EPSILON)(x)
    if "{norm}" == "layer":
        return keras.layers.LayerNormalization(epsilon=EPSILON)(x)
    return x


def build():
    inputs = x = keras.Input(({inputs},))
    skip = None
    for number, (units, activation, initial) in enumerate(LAYERS):
        x = keras.layers.Dense(units, kernel_initializer=initial)(x)
        x = keras.layers.Activation(activation)(normalized(x))
        if SKIP and number % SKIP == 0:
            x = x if skip is None else keras.layers.Add()([x, skip])
            skip = x
    outputs = keras.layers.Dense({outputs}, kernel_initializer={last})(x)
    return keras.Model(inputs, outputs)


model = build()
"""

_TORCH = """\
# {notation}
import torch

SKIP, EPSILON = {skip}, {epsilon}
LAYERS = [  # units, activation, initial weights
{layers}
]


def linear(fan_in, units, initial):
    layer = torch.nn.Linear(fan_in, units)
    initial(layer.weight)
    torch.nn.init.zeros_(layer.bias)
    return layer


def normalization(units):
    if "{norm}" == "batch":
        return torch.nn.BatchNorm1d(units, eps=EPSILON, momentum=1 - {momentum})
    if "{norm}" == "layer":
        return torch.nn.LayerNorm(units, eps=EPSILON)
    return torch.nn.Identity()


class Network(torch.nn.Module):
    def __init__(self):
        super().__init__()
        widths = [{inputs}, *(units for units, _, _ in LAYERS)]
        self.hidden = torch.nn.ModuleList(
            torch.nn.Sequential(linear(fan_in, units, initial), normalization(units))
            for fan_in, (units, _, initial) in zip(widths, LAYERS)
        )
        self.last = linear(widths[-1], {outputs}, {last})

    def forward(self, x):
        skip = None
        for number, (layer, (_, activation, _)) in enumerate(zip(self.hidden, LAYERS)):
            x = activation(layer(x))
            if SKIP and number % SKIP == 0:
                x = x if skip is None else x + skip
                skip = x
        return self.last(x)


model = Network()
"""

_JAX = """\
# {notation}
import jax
import jax.numpy as jnp

SKIP, EPSILON = {skip}, {epsilon}
LAYERS = [  # units, activation, initial weights
{layers}
]


def init(key):
    widths = [{inputs}, *(units for units, _, _ in LAYERS), {outputs}]
    draws = [*(initial for _, _, initial in LAYERS), {last}]
    keys = jax.random.split(key, len(draws))
    params = []
    for key, draw, fan_in, units in zip(keys, draws, widths, widths[1:]):
        layer = {{"weight": draw(key, (fan_in, units)), "bias": jnp.zeros(units)}}
        if "{norm}" != "none" and len(params) < len(LAYERS):
            layer |= {{"gamma": jnp.ones(units), "beta": jnp.zeros(units)}}
        params.append(layer)
    return params


def normalized(layer, z):
    if "{norm}" == "none":
        return z
    axis = 0 if "{norm}" == "batch" else -1  # of a batch in training
    mean, variance = z.mean(axis, keepdims=True), z.var(axis, keepdims=True)
    return layer["gamma"] * (z - mean) / jnp.sqrt(variance + EPSILON) + layer["beta"]


def apply(params, x):
    skip = None
    for number, (layer, (_, activation, _)) in enumerate(zip(params, LAYERS)):
        x = activation(normalized(layer, x @ layer["weight"] + layer["bias"]))
        if SKIP and number % SKIP == 0:
            x = x if skip is None else x + skip
            skip = x
    return x @ params[-1]["weight"] + params[-1]["bias"]


params = init(jax.random.key(0))
"""

FRAMEWORKS = {
    "keras": _Words(_keras_activation, _keras_initial, _KERAS),
    "pytorch": _Words(_torch_activation, _torch_initial, _TORCH),
    "jax": _Words(_jax_activation, _jax_initial, _JAX),
}
