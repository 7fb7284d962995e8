"""Every initializer against its published variance, and orthogonal ones against orthogonality."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gradgauge.errors import UnknownName
from gradgauge.parts.initializers import INITIALIZERS, initializer

FAN_IN, FAN_OUT = 200, 300
# Glorot & Bengio (2010), eq. 16; He et al. (2015), eq. 10; LeCun et al. (1998), eq. 16; Keras's
# RandomNormal(stddev=0.05) and RandomUniform(-0.05, 0.05); torch.nn.Linear, U(+-1 / sqrt(fan_in)).
VARIANCES = {
    "glorot_uniform": 2 / 500,
    "glorot_normal": 2 / 500,
    "he_uniform": 2 / 200,
    "he_normal": 2 / 200,
    "lecun_normal": 1 / 200,
    "normal": 0.05**2,
    "uniform": 0.05**2 / 3,
    "pytorch": 1 / 600,
    "orthogonal": 1 / 300,
    "zeros": 0.0,
    "constant": 0.05**2,
}


def drawn(name: str, fan_in: int = FAN_IN, fan_out: int = FAN_OUT, seed: int = 0) -> np.ndarray:
    return INITIALIZERS[name].draw(np.random.default_rng(seed), fan_in, fan_out)


def test_the_table_above_is_complete() -> None:
    assert set(VARIANCES) == set(INITIALIZERS)


@pytest.mark.parametrize("name", sorted(VARIANCES))
def test_mean_square_is_the_papers(name: str) -> None:
    weights = drawn(name)
    assert weights.shape == (FAN_IN, FAN_OUT)
    assert INITIALIZERS[name].variance(FAN_IN, FAN_OUT) == pytest.approx(VARIANCES[name])
    # 60,000 draws: the mean square of a normal is known to sqrt(2 / 60,000) = 0.6 %.
    assert np.mean(weights**2) == pytest.approx(VARIANCES[name], rel=0.03)


@pytest.mark.parametrize("name", sorted(n for n in VARIANCES if n not in ("zeros", "constant")))
def test_mean_is_zero(name: str) -> None:
    weights = drawn(name)
    assert abs(weights.mean()) < 5 * weights.std() / math.sqrt(weights.size)


@pytest.mark.parametrize("name", ["glorot_uniform", "he_uniform", "uniform", "pytorch"])
def test_uniform_ones_reach_their_limit_and_stay_within(name: str) -> None:
    limit = math.sqrt(3 * VARIANCES[name])
    assert 0.999 * limit < np.abs(drawn(name)).max() <= limit


@pytest.mark.parametrize("name", ["glorot_normal", "he_normal", "lecun_normal", "normal"])
def test_normal_ones_are_not_truncated(name: str) -> None:
    weights = drawn(name)
    fourth = np.mean(weights**4) / np.mean(weights**2) ** 2
    assert fourth == pytest.approx(3, rel=0.05)
    assert np.abs(weights).max() > 3.5 * weights.std()


@pytest.mark.parametrize("shape", [(8, 5), (5, 8), (6, 6), (1, 4)])
def test_orthogonal_has_orthonormal_rows_or_columns(shape: tuple[int, int]) -> None:
    weights = drawn("orthogonal", *shape)
    small = weights @ weights.T if shape[0] <= shape[1] else weights.T @ weights
    np.testing.assert_allclose(small, np.eye(min(shape)), atol=1e-12)


def test_orthogonal_is_uniform_over_rotations() -> None:
    """QR alone prefers some signs: the mean of the diagonal must be 0 over many draws."""
    rng = np.random.default_rng(1)
    diagonals = [np.diag(INITIALIZERS["orthogonal"].draw(rng, 3, 3)) for _ in range(2_000)]
    # An entry has variance 1/3, the mean of 6,000 a deviation of 0.0075.
    assert abs(np.mean(diagonals)) < 0.03


def test_pytorchs_biases_are_within_one_over_root_fan_in() -> None:
    assert INITIALIZERS["pytorch"].bias_limit(16) == 0.25
    assert all(i.bias_limit(16) == 0 for n, i in INITIALIZERS.items() if n != "pytorch")


def test_the_seed_decides() -> None:
    np.testing.assert_array_equal(drawn("he_normal", seed=3), drawn("he_normal", seed=3))
    assert not np.array_equal(drawn("he_normal", seed=3), drawn("he_normal", seed=4))


def test_an_unknown_initializer_names_the_nearest() -> None:
    with pytest.raises(UnknownName) as caught:
        initializer("he_uniformm")
    assert (caught.value.kind, caught.value.nearest) == ("init", "he_uniform")
