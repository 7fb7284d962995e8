"""The network of the page as code: it runs, and is the network that was trained."""

from __future__ import annotations

from typing import Any

import jax
import keras
import numpy as np
import pytest
import torch

from gradgauge.engine.build import initial_parameters
from gradgauge.parts.activations import ACTIVATIONS
from gradgauge.play.code import FRAMEWORKS, network_code
from gradgauge.spec.notation import parse

NETWORKS = (
    "784-64x10-10 sigmoid",
    "20-16x4-3 tanh init=orthogonal scale=1.05 skip=2",
    "20-16x3:relu-16:gelu_tanh-3 init=he_normal norm=layer",
    "20-16x2-3 relu init=constant scale=2 norm=batch",
)


def built(notation: str, framework: str) -> dict[str, Any]:
    code = network_code(parse(notation), framework)
    compile(code, framework, "exec")
    keras.utils.set_random_seed(0)  # PyTorch's and NumPy's state, too.
    made: dict[str, Any] = {}
    exec(code, made)
    return made


def torch_weights(made: dict[str, Any]) -> list[np.ndarray]:
    named = made["model"].named_parameters()
    return [p.detach().numpy().T for name, p in named if p.ndim == 2 and "weight" in name]


def keras_weights(made: dict[str, Any]) -> list[np.ndarray]:
    return [np.asarray(v) for v in made["model"].weights if v.name == "kernel"]


def jax_weights(made: dict[str, Any]) -> list[np.ndarray]:
    return [np.asarray(layer["weight"]) for layer in made["params"]]


READ = {"pytorch": torch_weights, "keras": keras_weights, "jax": jax_weights}


@pytest.mark.parametrize("notation", NETWORKS)
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_its_initial_weights_are_those_of_the_network(notation: str, framework: str) -> None:
    network = parse(notation)
    drawn = [w for block in initial_parameters(network, 0) for w in block["weight"]]
    weights = READ[framework](built(notation, framework))
    assert [w.shape for w in weights] == [w.shape for w in drawn] == network.shapes
    for ours, theirs in zip(weights, drawn, strict=True):
        size = np.sqrt(np.mean(theirs**2))
        assert np.sqrt(np.mean(ours**2)) == pytest.approx(size, rel=0.25)
        assert np.abs(ours).max() == pytest.approx(np.abs(theirs).max(), rel=0.5)


def outputs(made: dict[str, Any], x: np.ndarray) -> np.ndarray:
    """In training mode, as batch normalization is in the page's forward pass."""
    if "params" in made:
        return np.asarray(made["apply"](made["params"], x))
    return made["model"](torch.from_numpy(x)).detach().numpy()


@pytest.mark.parametrize("notation", NETWORKS[1:])
def test_jax_and_pytorch_compute_the_same(notation: str) -> None:
    pytorch, jax_code = built(notation, "pytorch"), built(notation, "jax")
    for layer, weight in zip(jax_code["params"], torch_weights(pytorch), strict=True):
        layer["weight"] = jax.numpy.asarray(weight)
    x = np.random.default_rng(0).normal(size=(32, 20)).astype(np.float32)
    np.testing.assert_allclose(outputs(jax_code, x), outputs(pytorch, x), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_every_activation_is_the_networks_own(framework: str) -> None:
    """One layer a name: what stands in the code is f, on a few numbers."""
    names = ",".join(ACTIVATIONS).split(",")
    widths = "-".join(f"4:{name}" for name in names)
    made = built(f"3-{widths}-2", framework)
    z = np.linspace(-3, 3, 13, dtype=np.float32)
    for (_, spelled, _), name in zip(made["LAYERS"], names, strict=True):
        value = spelled(torch.from_numpy(z) if framework == "pytorch" else z)
        np.testing.assert_allclose(
            np.asarray(value), ACTIVATIONS[name].f(z.astype(np.float64)), atol=2e-5, err_msg=name
        )
