"""The simple learner, scores against constant answers, and rate times curvature."""

from __future__ import annotations

import numpy as np
import pytest

from gradgauge.diagnosis.baselines import constant_loss, skill
from gradgauge.diagnosis.facts import Data, Loss
from gradgauge.diagnosis.reference import reference_of
from gradgauge.diagnosis.sequences import reach_of
from gradgauge.diagnosis.trainees.trainee import looks_drawn, redrawn, standardized, step_sharpness
from tests.diagnosis.made import head, inputs, labels

RNG = np.random.default_rng(0)


def test_it_learns_what_there_is():
    assert reference_of(Data((inputs(),), 200, 32), (head(),)).skill > 0.9


def test_it_finds_nothing_in_noise():
    noise = head(y=RNG.permutation(labels()))
    assert reference_of(Data((RNG.normal(size=(200, 10)),), 200, 32), (noise,)).skill < 0.1


def test_it_finds_what_is_not_linear():
    x = RNG.normal(size=(300, 2))
    y = (np.hypot(*x.T) > 1.2).astype(int)
    assert reference_of(Data((x,), 300, 32), (head(y=y),)).skill > 0.6


def test_it_counts_tokens():
    x = RNG.integers(5, 30, (200, 8))
    y = RNG.integers(0, 2, 200)
    x[np.arange(200), RNG.integers(0, 8, 200)] = np.where(y == 1, 1, 2)
    assert reference_of(Data((x,), 200, 32, tokens=True), (head(y=y),)).skill > 0.8


def test_it_keeps_silent_about_losses_it_does_not_know():
    other = head(loss=Loss("other", "mine"))
    assert np.isnan(reference_of(Data((inputs(),), 200, 32), (other,)).skill)


@pytest.mark.parametrize("curvature", [0.5, 2.0, 30.0])
@pytest.mark.parametrize("rate", [0.01, 0.1])
def test_step_sharpness_a_quadratic_is_rate_times_curvature(curvature, rate):
    """For L = c w^2 / 2 a gradient step has -u.Hu / g.u = rate c, by hand."""
    w = np.array([3.0, -2.0])
    g = curvature * w
    u = -rate * g
    before, after = (0.5 * curvature * float(v @ v) for v in (w, w + u))
    found = step_sharpness(before, after, [g], [curvature * (w + u)], [u])
    assert found == pytest.approx(rate * curvature)
    assert (after > before) == (found > 2)


def test_sharpness_where_the_loss_is_gone_or_the_step_goes_uphill():
    g, u = np.ones(2), np.ones(2)
    assert step_sharpness(1.0, np.nan, [g], [g], [-u]) == np.inf
    assert np.isnan(step_sharpness(1.0, 2.0, [g], [g], [u]))


def test_skill_is_0_for_a_constant_answer_and_1_for_a_perfect_one():
    y = labels()
    assert skill(np.full((200, 4), 0.25), y, "sparse_categorical", False) == pytest.approx(
        0, abs=1e-6
    )
    assert skill(np.eye(4)[y], y, "sparse_categorical", False) == pytest.approx(1)
    numbers = RNG.normal(size=(50, 1))
    assert skill(numbers, numbers, "mse", False) == pytest.approx(1)
    assert skill(np.full((50, 1), numbers.mean()), numbers, "mse", False) == pytest.approx(
        0, abs=1e-2
    )
    bits = (y % 2).astype(float)[:, None]
    assert skill(bits * 20 - 10, bits, "binary", True) == pytest.approx(1, abs=1e-3)


def test_constant_losses():
    assert constant_loss(labels(), "sparse_categorical") == pytest.approx(np.log(4))
    assert constant_loss(np.array([0.0, 1.0]), "binary") == pytest.approx(np.log(2))
    assert constant_loss(np.array([1.0, 3.0]), "mse") == pytest.approx(1)


def test_reach_tells_memory_from_none():
    x = RNG.normal(size=(50, 20, 2)).astype(np.float32)
    assert reach_of(x, lambda rows: rows.sum(axis=1)) == pytest.approx(1, rel=0.3)
    assert reach_of(x, lambda rows: rows[:, -1]) == 0
    assert reach_of(x[:, :2], lambda rows: rows[:, -1]) is None


def test_weights_as_drawn_and_as_trained():
    drawn = RNG.uniform(-0.3, 0.3, (40, 40))
    assert looks_drawn(drawn, RNG.uniform(-0.3, 0.3, (40, 40)))
    assert not looks_drawn(drawn * 1.7, RNG.uniform(-0.3, 0.3, (40, 40)))


def test_redrawn_weights_have_the_same_entries():
    (other,) = redrawn([np.arange(12.0).reshape(3, 4)], 1)
    assert sorted(other.ravel()) == list(range(12))
    assert not np.array_equal(other, np.arange(12.0).reshape(3, 4))


def test_standardized_inputs():
    x = standardized(RNG.normal(5, 3, (100, 4)).astype(np.float32))
    assert np.allclose(x.mean(axis=0), 0, atol=1e-5)
    assert np.allclose(x.std(axis=0), 1, atol=1e-5)
