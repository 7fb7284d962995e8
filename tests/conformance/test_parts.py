"""Every named part has its paper, and the names it gives really exist in Keras and PyTorch and
compute the same."""

from __future__ import annotations

import re

import keras
import numpy as np
import pytest
import torch

from gradgauge.parts.activations import ACTIVATIONS
from gradgauge.parts.initializers import INITIALIZERS
from gradgauge.parts.losses import LOSSES
from gradgauge.parts.normalizations import NORMALIZATIONS
from gradgauge.parts.optimizers import OPTIMIZERS

Z = np.linspace(-7, 7, 141).astype(np.float32)
PAPER = re.compile(r"\(\d{4}\)")

# Issue 3, item 4, and CONTRACT sections 1 and 2.
WANTED_ACTIVATIONS = {
    "sigmoid",
    "tanh",
    "erf",
    "arctan",
    "softsign",
    "hardtanh",
    "hard_sigmoid",
    "relu",
    "leaky_relu",
    "relu6",
    "elu",
    "selu",
    "gelu",
    "gelu_tanh",
    "silu",
    "mish",
    "softplus",
    "sin",
    "linear",
    "scaled_sigmoid",
}
WANTED_INITIALIZERS = {
    "glorot_uniform",
    "glorot_normal",
    "he_uniform",
    "he_normal",
    "lecun_normal",
    "orthogonal",
    "normal",
    "uniform",
    "zeros",
    "constant",
    "pytorch",
}


def test_all_that_the_contract_names() -> None:
    assert set(ACTIVATIONS) >= WANTED_ACTIVATIONS
    assert set(INITIALIZERS) >= WANTED_INITIALIZERS
    assert set(NORMALIZATIONS) == {"none", "batch", "layer"}
    keras_forms = {"sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw"}
    assert set(OPTIMIZERS) >= keras_forms | {f"{name}_torch" for name in keras_forms - {"sgd"}}
    assert set(LOSSES) == {"cross_entropy", "mse_one_hot", "mse"}


@pytest.mark.parametrize("table", [ACTIVATIONS, INITIALIZERS, OPTIMIZERS, LOSSES, NORMALIZATIONS])
def test_keys_are_the_parts_own_names(table: dict) -> None:
    assert {key: part.name for key, part in table.items()} == {key: key for key in table}
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in table)


def test_every_part_names_its_paper() -> None:
    for activation in ACTIVATIONS.values():
        assert PAPER.search(activation.paper), activation.name
    for normalization in NORMALIZATIONS.values():
        assert PAPER.search(normalization.paper) or normalization.name == "none"
    for optimizer in OPTIMIZERS.values():
        assert PAPER.search(optimizer.form), optimizer.name
    for initializer in INITIALIZERS.values():
        # Without a paper: what it is, in words.
        assert PAPER.search(initializer.paper) or len(initializer.paper) > 20, initializer.name


def keras_function(spelled: str):
    """What `keras.layers.Activation` takes, or an expression over `keras` and x."""
    if re.fullmatch(r"\w+", spelled):
        assert keras.activations.get(spelled) is not None
        return keras.layers.Activation(spelled)
    if "(approximate=" in spelled:
        name, option = re.fullmatch(r"([\w.]+)\((.*)\)", spelled).groups()
        return eval(f"lambda x: {name}(x, {option})", {"keras": keras})
    if re.search(r"\bx\b", spelled):
        return eval(f"lambda x: {spelled}", {"keras": keras})
    return eval(spelled, {"keras": keras})


def torch_function(spelled: str):
    """A module in `torch.nn`, or an expression over `torch` and x."""
    if re.search(r"\bx\b", spelled):
        return eval(f"lambda x: {spelled}", {"torch": torch})
    if spelled.startswith("torch."):
        return eval(spelled, {"torch": torch})
    call = spelled if "(" in spelled else f"{spelled}()"
    return eval(f"torch.nn.{call}", {"torch": torch})


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_the_name_in_keras_computes_the_same(name: str) -> None:
    got = np.asarray(keras_function(ACTIVATIONS[name].keras)(keras.ops.convert_to_tensor(Z)))
    np.testing.assert_allclose(got, ACTIVATIONS[name].f(Z), rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_the_name_in_pytorch_computes_the_same(name: str) -> None:
    got = torch_function(ACTIVATIONS[name].pytorch)(torch.from_numpy(Z)).numpy()
    np.testing.assert_allclose(got, ACTIVATIONS[name].f(Z), rtol=2e-5, atol=2e-6)


def test_names_are_not_each_others() -> None:
    """Two parts under one framework name would be translated wrongly by a watcher."""
    for field in ("keras", "pytorch"):
        spelled = [getattr(part, field) for part in ACTIVATIONS.values()]
        assert len(spelled) == len(set(spelled))


@pytest.mark.parametrize(
    "name", sorted(WANTED_INITIALIZERS - {"pytorch", "constant", "normal", "uniform", "zeros"})
)
def test_initializers_have_keras_variance(name: str) -> None:
    """Keras's own draw has the same mean square; its normals are truncated, not less wide."""
    initializer = keras.initializers.get(name)
    assert callable(initializer)
    drawn = np.asarray(initializer((120, 180)))
    wanted = INITIALIZERS[name].variance(120, 180)
    assert np.mean(np.square(drawn, dtype=np.float64)) == pytest.approx(wanted, rel=0.05)


def test_pytorchs_default_is_torch_nn_linears() -> None:
    torch.manual_seed(0)
    linear = torch.nn.Linear(100, 300)
    assert INITIALIZERS["pytorch"].variance(100, 300) == pytest.approx(
        float((linear.weight.detach() ** 2).mean()), rel=0.03
    )
    assert float(linear.bias.detach().abs().max()) <= INITIALIZERS["pytorch"].bias_limit(100)
    assert float(linear.bias.detach().abs().max()) > 0.95 * INITIALIZERS["pytorch"].bias_limit(100)
