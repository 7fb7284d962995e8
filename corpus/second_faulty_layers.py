"""Second fresh set: faults of signals, layers and data, each beside its mended twin."""

from __future__ import annotations

from typing import Any

import jax
import keras
import numpy as np
import optax
import torch
from keras import initializers, layers, optimizers
from torch import nn

from corpus import second_data as d
from corpus import second_models as m
from corpus.keras_models import Sparse, mlp
from corpus.second_book import explained, jax_fit, keras_fit, pair, torch_fit

CE, SGD, KSGD = nn.CrossEntropyLoss(), torch.optim.SGD, optimizers.SGD
Binary = "binary_crossentropy"


# -- signals and initial weights


def _towers(s: int, b: bool) -> Any:
    return keras_fit(
        m.two_towers(s, "sigmoid" if b else "relu", 7), Sparse, *d.vowels(s), epochs=12, rate=2e-3
    )


pair("keras", "vanishing-gradient", "towers-sigmoid", _towers, ("left1", "right1"))
pair(
    "pytorch",
    "vanishing-gradient",
    "sigmoid-8",
    lambda s, b: torch_fit(
        m.dense([5, *[40] * 8, 1], nn.Sigmoid if b else nn.ReLU, s),
        nn.MSELoss(),
        *d.houses_scaled(s),
        epochs=10,
    ),
    ("lin1",),
    task="regression",
)
pair(
    "jax",
    "vanishing-gradient",
    "sigmoid-8",
    lambda s, b: jax_fit(
        m.Jax([16, *[32] * 8, 6], s, jax.nn.sigmoid if b else jax.nn.relu, 1.0 if b else 2.0),
        *d.vowels(s),
        optax.adam(2e-3),
    ),
)


def _forgets(s: int, b: bool) -> Any:
    torch.manual_seed(s)
    return torch_fit(
        m.Sequence(nn.RNN if b else _gates_open, 1, 2), CE, *d.memory(s), epochs=10, rate=3e-3
    )


def _gates_open(*sizes: Any, **o: Any) -> nn.Module:
    cell = nn.RNN(*sizes, nonlinearity="relu", **o)
    nn.init.eye_(cell.weight_hh_l0)  # remembers, by an identity between steps
    nn.init.normal_(cell.weight_ih_l0, std=0.1)
    return cell


pair("pytorch", "vanishing-gradient", "rnn-100-steps", _forgets, ("cell",), kind="recurrent")


def _explodes(s: int, b: bool) -> Any:
    torch.manual_seed(s)
    model = m.Sequence(nn.RNN, 1, 1, nonlinearity="relu")
    nn.init.orthogonal_(model.cell.weight_hh_l0, 2.2 if b else 0.9)
    return torch_fit(model, nn.MSELoss(), *d.demand(s), rate=0.01, optimizer=SGD)


pair(
    "pytorch",
    "exploding-gradient",
    "relu-rnn",
    _explodes,
    ("cell",),
    kind="recurrent",
    task="regression",
)


def _dead(s: int, b: bool) -> Any:
    torch.manual_seed(s)
    model = m.TorchConv()
    if b:
        nn.init.constant_(model.k2.bias, -15.0)
    return torch_fit(model, CE, *d.gratings(s), rate=2e-3)


pair("pytorch", "dead-units", "conv-bias", _dead, ("k2",), kind="convolution")


def _dead_words(s: int, b: bool) -> Any:
    keras.utils.set_random_seed(s)
    bias = initializers.Constant(-5.0 if b else 0.0)
    model = keras.Sequential(
        [
            keras.Input((12,), dtype="int32"),
            layers.Embedding(80, 16),
            layers.GlobalAveragePooling1D(),
            layers.Dense(32, "relu", name="middle", bias_initializer=bias),
            layers.Dense(1, "sigmoid", name="head"),
        ]
    )
    return keras_fit(model, Binary, *d.reviews(s), epochs=12, rate=3e-3)


pair("keras", "dead-units", "words-bias", _dead_words, ("middle",), task="binary")


def _biased(value: float) -> Any:
    return lambda layer: nn.init.constant_(layer.bias, value)


pair(
    "pytorch",
    "saturated-units",
    "sigmoid-bias",
    lambda s, b: torch_fit(
        m.dense([16, 32, 32, 6], nn.Sigmoid, s, fix=_biased(12.0) if b else None),
        CE,
        *d.vowels(s),
        rate=3e-3,
    ),
    ("lin1", "lin2", "act1", "act2"),
)


def _constant(layer: Any) -> None:
    nn.init.constant_(layer.weight, 0.1)


pair(
    "pytorch",
    "constant-initialization",
    "all-0.1",
    lambda s, b: torch_fit(
        m.dense([16, 48, 48, 6], nn.ReLU, s, fix=_constant if b else None),
        CE,
        *d.vowels(s),
        rate=2e-3,
    ),
    ("lin1", "lin2"),
)


def _conv_zeros(s: int, b: bool) -> Any:
    keras.utils.set_random_seed(s)
    start = "zeros" if b else "he_normal"
    model = keras.Sequential(
        [
            keras.Input((10, 10, 1)),
            layers.Conv2D(12, 3, kernel_initializer=start, name="k1"),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Flatten(),
            layers.Dense(4, "softmax", name="head"),
        ]
    )
    return keras_fit(model, Sparse, *d.gratings(s), rate=2e-3)


pair(
    "keras", "constant-initialization", "conv-zeros-norm", _conv_zeros, ("k1",), kind="convolution"
)


def _jax_zeros(s: int, b: bool) -> Any:
    net = m.Jax([16, 32, 32, 6], s)
    net.params = jax.tree.map(np.zeros_like, net.params) if b else net.params
    return jax_fit(net, *d.vowels(s), optax.adam(3e-3))


pair("jax", "constant-initialization", "zeros", _jax_zeros)
pair(
    "pytorch",
    "bad-initial-scale",
    "normal-1",
    lambda s, b: torch_fit(
        m.dense(
            [5, *[96] * 5, 1],
            nn.ReLU,
            s,
            fix=(lambda layer: nn.init.normal_(layer.weight)) if b else None,
        ),
        nn.MSELoss(),
        *d.houses_scaled(s),
    ),
    tuple(f"lin{i}" for i in range(1, 7)),
    task="regression",
)
pair(
    "keras",
    "bad-initial-scale",
    "uniform-0-1",
    lambda s, b: keras_fit(
        mlp(
            16,
            6,
            3,
            64,
            seed=s,
            kernel_initializer=initializers.RandomUniform(0, 1, seed=s) if b else "glorot_uniform",
        ),
        Sparse,
        *d.vowels(s),
    ),
    ("h1", "h2", "h3"),
)
pair(
    "pytorch",
    "bad-initial-scale",
    "tanh-0.003",
    lambda s, b: torch_fit(
        m.dense(
            [16, *[48] * 6, 6],
            nn.Tanh,
            s,
            fix=(lambda layer: nn.init.normal_(layer.weight, std=3e-3)) if b else None,
        ),
        CE,
        *d.vowels(s),
        rate=0.05,
        optimizer=SGD,
    ),
    tuple(f"lin{i}" for i in range(1, 8)),
)

# -- layers that nothing reaches


def _frozen_tower(s: int, b: bool) -> Any:
    model = m.gratings_net(s)
    model.get_layer("k2").trainable = not b
    model.get_layer("k1").trainable = not b
    return keras_fit(model, Sparse, *d.gratings(s), epochs=5, rate=3e-3)


pair(
    "keras",
    "unreached-layer",
    "frozen-convolutions",
    _frozen_tower,
    ("k1", "k2"),
    kind="convolution",
)


def _head_only(s: int, b: bool) -> Any:
    torch.manual_seed(s)
    model = m.Encoded(2, 2)
    return torch_fit(
        model,
        CE,
        *d.checkers(s),
        epochs=30,
        rate=2e-2,
        parameters=model.head.parameters() if b else None,
    )


pair("pytorch", "unreached-layer", "head-only", _head_only, ("encoder.0", "encoder.2"))


def _no_grad(s: int, b: bool) -> Any:
    torch.manual_seed(s)
    return torch_fit(m.Encoded(2, 2, cut=b), CE, *d.checkers(s), epochs=30, rate=2e-2)


pair("pytorch", "unreached-layer", "no-grad", _no_grad, ("encoder.0", "encoder.2"))


def _frozen_words(s: int, b: bool) -> Any:
    torch.manual_seed(s)
    return torch_fit(m.Bag(frozen=b), CE, *d.reviews(s), epochs=10, rate=3e-3)


pair("pytorch", "unreached-layer", "frozen-embedding", _frozen_words, ("embed",))
pair(
    "jax",
    "unreached-layer",
    "stopped",
    lambda s, b: jax_fit(
        m.Jax([2, 32, 8, 2], s, cut=1 if b else -1), *d.checkers(s), optax.adam(1e-2), 25
    ),
)

# -- data


def _raw(s: int, b: bool) -> Any:
    x, y = (d.houses if b else d.houses_scaled)(s)[0], d.houses_scaled(s)[1]
    return torch_fit(
        m.dense([5, 32, 32, 1], nn.ReLU, s), nn.MSELoss(), x, y, rate=1e-2, optimizer=SGD
    )


pair("pytorch", "unscaled-input", "house-table", _raw, task="regression")


def _bytes(s: int, b: bool) -> Any:
    x, y = d.gratings(s)
    model = mlp(100, 4, 2, 48, "tanh", seed=s)
    return keras_fit(
        model,
        Sparse,
        x.reshape(len(x), -1) * (255.0 if b else 1.0),
        y,
        rate=0.1,
        optimizer=KSGD,
        epochs=20,
    )


pair("keras", "unscaled-input", "bytes-tanh", _bytes)


def _thousands(s: int, b: bool) -> Any:
    x, y = d.demand(s)
    keras.utils.set_random_seed(s)
    model = keras.Sequential(
        [keras.Input((16, 1)), layers.LSTM(16, name="cell"), layers.Dense(1, name="head")]
    )
    return keras_fit(model, "mse", 1e4 + 3e3 * x if b else x, y, epochs=8, rate=5e-3)


pair("keras", "unscaled-input", "lstm-thousands", _thousands, kind="recurrent", task="regression")


def _infinite(s: int, b: bool) -> Any:
    x, y = d.genes(s)
    if b:
        x[123, 7] = np.inf
    return torch_fit(m.dense([60, 24, 3], nn.ReLU, s), nn.BCEWithLogitsLoss(), x, y)


pair("pytorch", "non-finite", "infinite-entry", _infinite, task="multi-label")


def _divided(s: int, b: bool) -> Any:
    x, y = d.vowels(s)
    if b:
        x[:, 3] = 0
        with np.errstate(invalid="ignore"):
            x = (x - x.mean(0)) / x.std(0)
    return keras_fit(mlp(16, 6, seed=s), Sparse, x, y)


pair("keras", "non-finite", "constant-column", _divided)


def _root(s: int, b: bool) -> Any:
    keras.utils.set_random_seed(s)
    middle = m.Unit() if b else layers.ReLU()
    model = keras.Sequential(
        [
            keras.Input((16,)),
            layers.Dense(6, name="h1"),
            middle,
            layers.Dense(6, "softmax", name="out"),
        ]
    )
    return keras_fit(model, Sparse, *d.vowels(s), rate=5e-3)


pair("keras", "non-finite", "unit-length", _root, ("h1", "out"))

# -- rates of one layer; no cause that a rule knows


def _one_rate(s: int, b: bool) -> Any:
    x, y = d.checkers(s)
    model = m.dense([2, 48, 48, 2], nn.ReLU, s)
    groups = [
        {"params": model.lin1.parameters()},
        {"params": model.lin3.parameters()},
        {"params": model.lin2.parameters(), "lr": 50.0 if b else 0.05},
    ]
    return torch_fit(
        model, CE, x, y, epochs=20, rate=0.05, optimizer=SGD, parameters=groups, momentum=0.9
    )


pair("pytorch", "update-ratio", "one-group-1000x", _one_rate, ("lin2",))
pair(
    "pytorch",
    "loss-not-falling",
    "dropout-0.98",
    lambda s, b: torch_fit(
        m.dense([16, 24, 24, 24, 6], nn.ReLU, s, each=lambda _: nn.Dropout(0.98 if b else 0.1)),
        CE,
        *d.vowels(s),
        rate=2e-3,
        epochs=12,
    ),
)
pair(
    "keras",
    "loss-not-falling",
    "no-activations",
    lambda s, b: keras_fit(
        mlp(2, 1, 3, 48, None if b else "relu", out="sigmoid", seed=s),
        Binary,
        *d.checkers(s),
        epochs=25,
        rate=3e-3,
    ),
    task="binary",
)


def _rows_moved(s: int, b: bool) -> Any:
    x, y = d.demand(s)
    return keras_fit(
        mlp(16, 1, 2, out="", seed=s),
        "mse",
        x[..., 0],
        np.random.default_rng(s).permutation(y) if b else y,
        y,
        epochs=6,
    )


pair("keras", "loss-not-falling", "rows-moved", _rows_moved, task="regression", skill=explained)
