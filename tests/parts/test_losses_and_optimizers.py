"""Losses against PyTorch and finite differences; optimizers against hand-worked first steps."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gradgauge.errors import UnknownName
from gradgauge.parts.losses import LOSSES, loss
from gradgauge.parts.normalizations import NORMALIZATIONS, normalization
from gradgauge.parts.optimizers import OPTIMIZERS, Options, optimizer

RNG = np.random.default_rng(7)
OUTPUTS = RNG.normal(size=(6, 4)) * 3
CLASSES = np.array([0, 1, 2, 3, 0, 2])
ONE_HOT = np.eye(4)[CLASSES]
NUMBERS = RNG.normal(size=(6, 4))


def by_torch(name: str) -> np.ndarray:
    functional, outputs = torch.nn.functional, torch.tensor(OUTPUTS)
    if name == "cross_entropy":
        return functional.cross_entropy(outputs, torch.tensor(CLASSES), reduction="none").numpy()
    wanted = torch.tensor(ONE_HOT if name == "mse_one_hot" else NUMBERS)
    return functional.mse_loss(outputs, wanted, reduction="none").mean(dim=1).numpy()


def targets(name: str) -> np.ndarray:
    return NUMBERS if name == "mse" else ONE_HOT


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_values_are_pytorchs(name: str) -> None:
    got = LOSSES[name].per_sample(OUTPUTS, targets(name))
    np.testing.assert_allclose(got, by_torch(name), rtol=1e-13)


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_gradients_are_central_differences(name: str) -> None:
    part, step = LOSSES[name], 1e-6
    gradient = part.gradient(OUTPUTS, targets(name))
    for unit in range(4):
        nudge = step * np.eye(4)[unit]
        up = part.per_sample(OUTPUTS + nudge, targets(name))
        down = part.per_sample(OUTPUTS - nudge, targets(name))
        np.testing.assert_allclose(gradient[:, unit], (up - down) / (2 * step), atol=1e-8)


def test_cross_entropy_of_huge_outputs_is_finite_and_right() -> None:
    outputs = np.array([[1e4, 0.0], [-1e4, 0.0]], np.float32)
    one_hot = np.array([[0.0, 1.0], [0.0, 1.0]], np.float32)
    np.testing.assert_array_equal(LOSSES["cross_entropy"].per_sample(outputs, one_hot), [1e4, 0])
    np.testing.assert_array_equal(
        LOSSES["cross_entropy"].gradient(outputs, one_hot), [[1, -1], [0, 0]]
    )


# The first step from zero slots with gradient g, weight w, rate r, in closed form.
G, W, R = np.array([0.5, -2.0, 1e-9]), np.array([1.0, -1.0, 2.0]), 0.1
FIRST = {
    "sgd": -R * G,
    "momentum": -R * G,
    "momentum_torch": -R * G,
    "nesterov": -R * G * 1.9,
    "nesterov_torch": -R * G * 1.9,
    "rmsprop": -R * G / np.sqrt(0.1 * G**2 + 1e-7),
    "rmsprop_torch": -R * G / (0.1 * np.abs(G) + 1e-8),
    # Keras adds epsilon to the uncorrected root: |g| sqrt(1 - beta_2) is what it is held against.
    "adam": -R * G / (np.abs(G) + 1e-7 / np.sqrt(0.001)),
    "adam_torch": -R * G / (np.abs(G) + 1e-8),
    "adamw": -R * G / (np.abs(G) + 1e-7 / np.sqrt(0.001)) - R * 0.01 * W,
    "adamw_torch": -R * G / (np.abs(G) + 1e-8) - R * 0.01 * W,
}


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_first_step_in_closed_form(name: str) -> None:
    part = OPTIMIZERS[name]
    slots = tuple(np.zeros(3) for _ in range(part.slots))
    change, kept = part.update(G, W, slots, np.float64(1), R, Options(0.9, 0.01))
    np.testing.assert_allclose(change, FIRST[name], rtol=1e-9)
    assert len(kept) == part.slots


def test_the_two_forms_of_adam_part_where_gradients_are_near_epsilon() -> None:
    """DESIGN section 4: there PyTorch's form moves by hundreds of times more."""
    assert abs(FIRST["adam_torch"][2] / FIRST["adam"][2]) > 100


def test_forms_of_momentum_part_when_the_rate_changes() -> None:
    """Keras keeps rate times gradient, PyTorch the gradient: 0.9 x 0.1 against 0.9 x 0.01."""
    options, g, w = Options(0.9, 0.0), np.array([1.0]), np.array([0.0])
    for name, wanted in (("momentum", -0.09 - 0.01), ("momentum_torch", -0.009 - 0.01)):
        part = OPTIMIZERS[name]
        _, slots = part.update(g, w, (np.zeros(1),), np.float64(1), 0.1, options)
        change, _ = part.update(g, w, slots, np.float64(2), 0.01, options)
        np.testing.assert_allclose(change, wanted)


def test_constants_of_normalization_are_keras_defaults() -> None:
    batch, layer = NORMALIZATIONS["batch"], NORMALIZATIONS["layer"]
    assert (batch.epsilon, batch.momentum, batch.axis) == (1e-3, 0.99, 0)
    assert (layer.epsilon, layer.momentum, layer.axis) == (1e-3, 0, -1)


@pytest.mark.parametrize(
    ("find", "kind", "name", "nearest"),
    [
        (loss, "loss", "cross_entopy", "cross_entropy"),
        (optimizer, "optimizer", "addam", "adam"),
        (normalization, "norm", "bacth", "batch"),
    ],
)
def test_an_unknown_name_names_the_nearest(find, kind: str, name: str, nearest: str) -> None:
    with pytest.raises(UnknownName) as caught:
        find(name)
    assert (caught.value.kind, caught.value.nearest) == (kind, nearest)
