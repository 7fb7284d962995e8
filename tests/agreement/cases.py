"""The networks on which gradgauge and its peers are compared, their weights and their data.

Plain Python and NumPy: the peers' scripts import it, and it imports nothing of gradgauge.

Activations are put into the layers of one network, four or five kinds together, so that every
kind meets every optimizer, normalization, skip and dtype in few networks.
"""

from __future__ import annotations

import dataclasses
import itertools
import zlib
from dataclasses import dataclass

import numpy as np

from tests.agreement.pairwise import pairwise

STATES = 50
BATCH, INPUTS, OUTPUTS = 32, 7, 4
WIDTH = 6

MIXES: dict[str, tuple[str, ...]] = {
    "kinked": ("relu", "leaky_relu", "hardtanh", "hard_sigmoid", "relu6"),
    "units": ("selu", "elu", "sigmoid", "linear", "scaled_sigmoid"),
    "smooth": ("tanh", "gelu", "softplus", "sin", "erf"),
    "soft": ("gelu_tanh", "silu", "mish", "softsign", "arctan"),
}
SMOOTH_MIXES: dict[str, tuple[str, ...]] = {
    "smooth": MIXES["smooth"],
    "soft": MIXES["soft"],
    "sigmoids": ("sigmoid", "elu", "scaled_sigmoid", "sigmoid", "linear"),
}
KINKS = {
    "relu": (0.0,),
    "leaky_relu": (0.0,),
    "selu": (0.0,),
    "relu6": (0.0, 6.0),
    "hardtanh": (-1.0, 1.0),
    "hard_sigmoid": (-3.0, 3.0),
}

KERAS_OPTIMIZERS = ("sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw")
TORCH_OPTIMIZERS = (
    "sgd",
    "momentum_torch",
    "nesterov_torch",
    "rmsprop_torch",
    "adam_torch",
    "adamw_torch",
)
DTYPES = ("float32", "float64")
RATES = {
    "sgd": 0.1,
    "momentum": 0.05,
    "nesterov": 0.05,
    "rmsprop": 0.01,
    "adam": 0.01,
    "adamw": 0.01,
}
MOMENTUM, WEIGHT_DECAY = 0.9, 0.05


@dataclass(frozen=True)
class Case:
    """One network and how it is trained."""

    activations: tuple[str, ...]
    norm: str
    skip: int
    optimizer: str
    dtype: str
    loss: str = "cross_entropy"
    clip_norm: float = 0.0
    states: int = STATES
    mixed_widths: tuple[int, ...] = ()

    @property
    def widths(self) -> tuple[int, ...]:
        return self.mixed_widths or (WIDTH,) * len(self.activations)

    @property
    def shapes(self) -> list[tuple[int, int]]:
        ends = (INPUTS, *self.widths, OUTPUTS)
        return list(itertools.pairwise(ends))

    @property
    def learning_rate(self) -> float:
        return RATES[self.optimizer.removesuffix("_torch")]

    @property
    def name(self) -> str:
        """Short, unique, and fit for a file's name."""
        mix = next((k for k, v in (MIXES | SMOOTH_MIXES).items() if v == self.activations), None)
        words = [mix or "-".join(self.activations), self.norm, f"skip{self.skip}", self.optimizer]
        words += [self.dtype]
        if self.loss != "cross_entropy":
            words.append(self.loss)
        if self.clip_norm:
            words.append(f"clip{self.clip_norm:g}")
        if self.mixed_widths:
            words.append("mixed")
        return "_".join(words)

    @property
    def seed(self) -> int:
        return zlib.crc32(self.name.encode())

    def initial(self) -> dict[str, np.ndarray]:
        """`weight/1`, `bias/1`, ... and `gamma/1`, `beta/1` where there is a normalization."""
        rng = np.random.default_rng(self.seed)
        params = {}
        for layer, (fan_in, width) in enumerate(self.shapes, start=1):
            params[f"weight/{layer}"] = rng.normal(0, 1.3 / np.sqrt(fan_in), (fan_in, width))
            params[f"bias/{layer}"] = rng.normal(0, 0.3, width)
            if self.norm != "none" and layer <= len(self.widths):
                params[f"gamma/{layer}"] = rng.normal(1, 0.3, width)
                params[f"beta/{layer}"] = rng.normal(0, 0.3, width)
        return {name: value.astype(self.dtype) for name, value in params.items()}

    def batches(self) -> tuple[np.ndarray, np.ndarray]:
        """Inputs, (states, batch, inputs), and classes, (states, batch), or target numbers."""
        rng = np.random.default_rng(self.seed + 1)
        x = rng.normal(size=(self.states, BATCH, INPUTS)).astype(self.dtype)
        if self.loss == "mse":
            return x, rng.normal(size=(self.states, BATCH, OUTPUTS)).astype(self.dtype)
        return x, rng.integers(0, OUTPUTS, (self.states, BATCH)).astype(np.int32)

    def near_a_kink(self, z: dict[str, np.ndarray]) -> np.ndarray:
        """The rule for leaving states out, (states,): whether some z lies so near a kink of its
        activation that rounding may put it on the other side.

        Near is 64 epsilon times the layer's largest |z|: a z is a sum of a handful of rounded
        products, and two frameworks add them up in different orders.
        """
        near = np.zeros(self.states, bool)
        for layer, activation in enumerate(self.activations, start=1):
            values = z[f"z/{layer}"]
            reach = 64 * np.finfo(self.dtype).eps * np.abs(values).max(axis=(1, 2))
            for kink in KINKS.get(activation, ()):
                near |= np.abs(values - kink).min(axis=(1, 2)) <= reach
        return near


def pairwise_cases(optimizers: tuple[str, ...]) -> list[Case]:
    """Every mix, normalization, skip, optimizer and dtype, each two of them together somewhere."""
    factors = {
        "activations": tuple(MIXES.values()),
        "norm": ("none", "batch", "layer"),
        "skip": (0, 1, 2),
        "optimizer": optimizers,
        "dtype": DTYPES,
    }
    return [Case(**row) for row in pairwise(factors)]


def free_running_cases(optimizers: tuple[str, ...]) -> list[Case]:
    """Smooth networks in float64. Without batch normalization: under it a bias has no effect and
    a gradient of pure rounding, which Adam turns into steps of full size."""
    mixes = list(SMOOTH_MIXES.values())
    return [
        Case(mixes[i % 3], ("none", "layer")[i % 2], (i // 2) % 3, optimizer, "float64")
        for i, optimizer in enumerate(optimizers)
    ]


def extra_cases(optimizer: str) -> list[Case]:
    """Other losses, gradients clipped by their global norm, layers of different widths."""
    base = Case(MIXES["soft"], "none", 0, optimizer, "float64", states=10)
    return [
        dataclasses.replace(base, norm="batch", mixed_widths=(6, 6, 6, 5, 5)),
        dataclasses.replace(base, loss="mse_one_hot"),
        dataclasses.replace(base, loss="mse"),
        dataclasses.replace(base, clip_norm=0.05),
        dataclasses.replace(base, clip_norm=1e3),
    ]


FREE_ON = {"tensorflow": KERAS_OPTIMIZERS, "jax": ("momentum", "adam")}
"""Which of Keras's optimizers run freely on a backend. On JAX, where each case costs two seconds
of compilation, fewer do: the layers and optimizers are the same code."""


def keras_cases(backend: str) -> list[Case]:
    """All that Keras is asked for on a backend."""
    extra = extra_cases("adam") if backend == "tensorflow" else []
    free = free_running_cases(FREE_ON[backend])
    return list(dict.fromkeys([*pairwise_cases(KERAS_OPTIMIZERS), *free, *extra]))


def torch_cases() -> list[Case]:
    """All that PyTorch is asked for."""
    optimizers = TORCH_OPTIMIZERS
    extra = extra_cases("adam_torch")
    return list(
        dict.fromkeys([*pairwise_cases(optimizers), *free_running_cases(optimizers), *extra])
    )
