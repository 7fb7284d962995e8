"""A Keras model as a NetworkSpec, where it is a plain multilayer perceptron."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from gradgauge.parts.initializers import INITIALIZERS
from gradgauge.spec.network import Layer, NetworkSpec
from gradgauge.watchers._keras_layers import activation_of

_SKIPPED = (keras.layers.InputLayer, keras.layers.Flatten, keras.layers.Softmax)
_NAMES = {
    "GlorotUniform": "glorot_uniform",
    "GlorotNormal": "glorot_normal",
    "HeUniform": "he_uniform",
    "HeNormal": "he_normal",
    "LecunNormal": "lecun_normal",
    "Orthogonal": "orthogonal",
    "Zeros": "zeros",
}


def network_spec(model: Any) -> NetworkSpec | None:
    """The spec of a built Keras model; None where it is something else than an MLP.

    Its scale is that of the weights as they are, whatever their initializer was called.
    """
    dense: list[Any] = []
    names: list[str] = []
    norms: set[str] = set()
    for layer in model.layers:
        if isinstance(layer, _SKIPPED):
            continue
        if isinstance(layer, keras.layers.Dense):
            known, label = activation_of(layer.activation)
            dense.append(layer)
            names.append(known.name if known else label)
        elif isinstance(layer, (keras.layers.Activation, keras.layers.ReLU)) and dense:
            known, label = activation_of(layer)
            names[-1] = known.name if known else label
        elif isinstance(layer, keras.layers.BatchNormalization):
            norms.add("batch")
        elif isinstance(layer, keras.layers.LayerNormalization):
            norms.add("layer")
        else:
            return None
    if len(dense) < 2 or len(norms) > 1 or not _known(names[:-1]):
        return None
    init, scale = _initial(dense)
    return NetworkSpec(
        int(dense[0].kernel.shape[0]),
        tuple(Layer(int(d.units), n) for d, n in zip(dense[:-1], names[:-1], strict=True)),
        int(dense[-1].units),
        init=init,
        scale=scale,
        norm=next(iter(norms), "none"),
    )


def _known(names: list[str]) -> bool:
    from gradgauge.parts.activations import ACTIVATIONS

    return all(name in ACTIVATIONS for name in names)


def _initial(dense: list[Any]) -> tuple[str, float]:
    """The initializer's name, and the middle factor of the weights to what it draws."""
    name = _NAMES.get(type(dense[0].kernel_initializer).__name__, "glorot_uniform")
    factors = []
    for layer in dense[:-1]:
        kernel = np.asarray(keras.ops.convert_to_numpy(layer.kernel), np.float64)
        expected = INITIALIZERS[name].variance(*kernel.shape)
        if expected > 0:
            factors.append(float(np.sqrt(np.mean(kernel**2) / expected)))
    scale = float(np.median(factors)) if factors else 1.0
    return name, 1.0 if abs(scale - 1) < 0.1 or scale == 0 else round(scale, 3)
