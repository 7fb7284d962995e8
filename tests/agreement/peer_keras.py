"""Keras trains cases by itself and shows what went on inside. A script of its own:

    KERAS_BACKEND=tensorflow python -m tests.agreement.peer_keras FOLDER

writes FOLDER/NAME.npz for every case, with the keys of `peer_pytorch.trajectory`.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import ops
from keras.src.backend.common import dtypes

if TYPE_CHECKING or keras.backend.backend() == "jax":
    import jax
if TYPE_CHECKING or keras.backend.backend() != "jax":
    import tensorflow as tf

from tests.agreement.cases import (
    BATCH,
    MOMENTUM,
    OUTPUTS,
    WEIGHT_DECAY,
    Case,
    keras_cases,
)

ACTIVATIONS = {
    "leaky_relu": lambda x: keras.activations.leaky_relu(x, negative_slope=0.01),
    "hardtanh": keras.activations.hard_tanh,
    "gelu_tanh": lambda x: keras.activations.gelu(x, approximate=True),
    "erf": ops.erf,
    "arctan": ops.arctan,
    "sin": ops.sin,
    "scaled_sigmoid": lambda x: 4 * ops.sigmoid(x) - 2,
}
# In float64, TensorFlow takes the constants of these through float32 (0.01 becomes 0.00999999978):
# there they are spelt out.
SPELT_OUT = {
    "leaky_relu": lambda x: ops.where(x < 0, np.float64(0.01) * x, x),
    "gelu": lambda x: x * (1 + ops.erf(x * np.sqrt(0.5))) / 2,
    "gelu_tanh": lambda x: (
        x * (1 + ops.tanh(np.sqrt(2 / np.pi) * (x + np.float64(0.044715) * x * x * x))) / 2
    ),
}


def activation_of(name: str, dtype: str):
    if keras.backend.backend() == "tensorflow" and dtype == "float64" and name in SPELT_OUT:
        return SPELT_OUT[name]
    return ACTIVATIONS.get(name) or keras.activations.get(name)


SLOTS = {
    "momentum": ("momentums",),
    "nesterov": ("momentums",),
    "rmsprop": ("_velocities",),
    "adam": ("_momentums", "_velocities"),
    "adamw": ("_momentums", "_velocities"),
}


def optimizer_of(case: Case) -> keras.optimizers.Optimizer:
    options = {"learning_rate": case.learning_rate, "global_clipnorm": case.clip_norm or None}
    optimizers = keras.optimizers
    return {
        "sgd": lambda: optimizers.SGD(**options),
        "momentum": lambda: optimizers.SGD(momentum=MOMENTUM, **options),
        "nesterov": lambda: optimizers.SGD(momentum=MOMENTUM, nesterov=True, **options),
        "rmsprop": lambda: optimizers.RMSprop(**options),
        "adam": lambda: optimizers.Adam(**options),
        "adamw": lambda: optimizers.AdamW(weight_decay=WEIGHT_DECAY, **options),
    }[case.optimizer]()


class Network:
    """Keras layers in a row, called without state so that both backends take one code."""

    def __init__(self, case: Case):
        self.case = case
        self.dense = [keras.layers.Dense(n, kernel_initializer="zeros") for _, n in case.shapes]
        self.norms = []
        make = {
            "batch": keras.layers.BatchNormalization,
            "layer": keras.layers.LayerNormalization,
        }
        for layer, (fan_in, _) in zip(self.dense, case.shapes, strict=True):
            layer.build((None, fan_in))
        for width in case.widths if case.norm != "none" else ():
            self.norms.append(make[case.norm]())
            self.norms[-1].build((None, width))
        initial = case.initial()
        for name, variable in self.tensors().items():
            variable.assign(initial[name])

    def tensors(self) -> dict[str, keras.Variable]:
        named = {}
        for i, layer in enumerate(self.dense, start=1):
            named |= {f"weight/{i}": layer.kernel, f"bias/{i}": layer.bias}
        for i, norm in enumerate(self.norms, start=1):
            named |= {f"gamma/{i}": norm.gamma, f"beta/{i}": norm.beta}
        return named

    def statistics(self) -> dict[str, keras.Variable]:
        named = {}
        for i, norm in enumerate(self.norms, start=1):
            if self.case.norm == "batch":
                named |= {f"mean/{i}": norm.moving_mean, f"variance/{i}": norm.moving_variance}
        return named

    def run(
        self, values, statistics, nudges, x, y, training
    ) -> tuple[Any, dict[str, Any], list[Any]]:
        """The loss; every z and h, each with its nudge (of zeros) added; statistics behind it."""
        own = list(self.statistics().values())
        mapping = [*zip(self.tensors().values(), values, strict=True)]
        mapping += zip(own, statistics, strict=True)
        with keras.StatelessScope(state_mapping=mapping) as scope:
            taps, saved, skip = {}, None, self.case.skip
            for i, activation in enumerate(self.case.activations):
                z = self.dense[i](x)
                if self.norms:
                    z = self.norms[i](z, training=training)
                z = z + nudges[f"z/{i + 1}"]
                h = activation_of(activation, self.case.dtype)(z) + nudges[f"h/{i + 1}"]
                taps |= {f"z/{i + 1}": z, f"h/{i + 1}": h}
                x = h
                if skip and i % skip == 0:
                    x = h if saved is None else h + saved
                    saved = x
            last = f"z/{len(self.dense)}"
            taps[last] = self.dense[-1](x) + nudges[last]
            loss = ops.mean(self.per_sample(y, taps[last]))
        return loss, taps, [scope.get_current_value(v) for v in own]

    def per_sample(self, y, outputs):
        if self.case.loss == "cross_entropy":
            losses = keras.losses.sparse_categorical_crossentropy
            return losses(y, outputs, from_logits=True)
        if self.case.loss == "mse_one_hot":
            y = ops.one_hot(y, OUTPUTS, dtype=outputs.dtype)
        return keras.losses.mean_squared_error(y, outputs)


class JaxBackend:
    """Functions of arrays: gradients, and one step of the optimizer."""

    @staticmethod
    def compiled(function):
        return jax.jit(function)

    def __init__(self, network: Network, optimizer: keras.optimizers.Optimizer):
        self.kept = [v.value for v in optimizer.variables]
        self.step = self.compiled(optimizer.stateless_apply)

        def loss(values, nudges, statistics, x, y):
            loss, *rest = network.run(values, statistics, nudges, x, y, True)
            return loss, rest

        self.both = self.compiled(jax.value_and_grad(loss, (0, 1), has_aux=True))

    def differentiate(self, values, statistics, nudges, x, y):
        (loss, rest), slopes = self.both(values, nudges, statistics, x, y)
        return loss, *rest, *slopes

    def apply(self, gradients, values):
        values, self.kept = self.step(self.kept, gradients, values)
        return values


class TensorFlowBackend:
    """The same with a tape, and an optimizer that changes the network's own variables."""

    @staticmethod
    def compiled(function):
        return tf.function(function)

    def __init__(self, network: Network, optimizer: keras.optimizers.Optimizer):
        self.optimizer, self.variables = optimizer, list(network.tensors().values())
        self.step = self.compiled(lambda gradients: optimizer.apply(gradients, self.variables))

        def both(values, statistics, nudges, x, y):
            with tf.GradientTape() as tape:
                tape.watch([values, nudges])
                loss, *rest = network.run(values, statistics, nudges, x, y, True)
            return loss, *rest, *tape.gradient(loss, [values, nudges])

        self.differentiate = self.compiled(both)

    @property
    def kept(self):
        return [v.value for v in self.optimizer.variables]

    def apply(self, gradients, values):  # noqa: ARG002
        self.step(gradients)
        return [ops.copy(v.value) for v in self.variables]


BACKENDS = {"jax": JaxBackend, "tensorflow": TensorFlowBackend}


def trajectory(case: Case) -> dict[str, np.ndarray]:
    network, optimizer = Network(case), optimizer_of(case)
    tensors, statistics = network.tensors(), network.statistics()
    optimizer.build(list(tensors.values()))
    places = {id(v): i for i, v in enumerate(optimizer.variables)}
    slots = [getattr(optimizer, slot) for slot in SLOTS.get(case.optimizer, ())]
    backend = BACKENDS[keras.backend.backend()](network, optimizer)
    log: dict[str, list[np.ndarray]] = defaultdict(list)
    values = [ops.convert_to_tensor(v.numpy()) for v in tensors.values()]
    running = [ops.convert_to_tensor(v.numpy()) for v in statistics.values()]
    widths = {f"{k}/{i}": n for i, n in enumerate(case.widths, start=1) for k in ("z", "h")}
    widths[f"z/{len(case.shapes)}"] = OUTPUTS
    nudges = {name: ops.zeros((BATCH, n), case.dtype) for name, n in widths.items()}

    def keep(prefix, names, arrays):
        for name, array in zip(names, arrays, strict=True):
            log[f"{prefix}{name}"].append(np.array(array))

    for batch in zip(*case.batches(), strict=True):
        x, y = map(ops.convert_to_tensor, batch)
        keep("before/", tensors, values)
        kept = backend.kept
        for k, slot in enumerate(slots):
            keep(f"slot{k}/", tensors, [kept[places[id(v)]] for v in slot])
        results = backend.differentiate(values, running, nudges, x, y)
        loss, taps, running, gradients, slopes = results
        values = backend.apply(gradients, values)
        keep("", taps, taps.values())
        keep("", [s.replace("z/", "delta/").replace("h/", "g/") for s in slopes], slopes.values())
        keep("grad/", tensors, gradients)
        keep("after/", tensors, values)
        keep("", statistics, running)
        keep("", ("loss",), (loss,))
    if statistics:
        x, y = (ops.convert_to_tensor(part[-1]) for part in case.batches())
        inference = BACKENDS[keras.backend.backend()].compiled(
            lambda values, running: network.run(values, running, nudges, x, y, False)[0]
        )
        keep("", ("inference_loss",), (inference(values, running),))
    return {key: np.stack(arrays) for key, arrays in log.items()}


def main(folder: str) -> None:
    name = keras.backend.backend()
    # On JAX, Keras casts what its operations give from float64 to float32, whatever floatx says.
    dtypes.BIT64_TO_BIT32_DTYPE["float64"] = "float64"
    for case in keras_cases(name):
        keras.config.set_floatx(case.dtype)
        keras.config.set_dtype_policy(case.dtype)
        known = jax.enable_x64(case.dtype == "float64") if name == "jax" else nullcontext()
        with known:
            np.savez(Path(folder) / f"{case.name}.npz", **trajectory(case))


if __name__ == "__main__":
    main(sys.argv[1])
