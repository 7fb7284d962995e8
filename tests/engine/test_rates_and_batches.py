"""Warm-up, cosine, clipping and ragged batches, against closed forms."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from gradgauge.datasets import Dataset
from gradgauge.engine import build
from gradgauge.engine.program_key import program_key
from gradgauge.engine.programs import precision
from gradgauge.engine.step import one_pass
from gradgauge.run import Run
from gradgauge.spec.notation import parse
from tests.agreement.ours import QUICK
from tests.engine.members import TRAINING, entry, run_of

import jax  # isort: skip
import jax.numpy as jnp  # isort: skip


def rates_of(run: Run) -> np.ndarray:
    """SGD moves by rate times gradient: what the records say the rate was, (steps, layers)."""
    moved = run.values("steps", "update_ratio")[0] * run.values("steps", "weight_norm")[0]
    return moved / run.values("steps", "weight_grad_norm")[0]


def cosine(step: int, warmup: int, total: int) -> float:
    """Loshchilov & Hutter (2017), eq. 5 with eta_min 0, behind a linear warm-up; steps from 0."""
    if step + 1 < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * max(step - warmup, 0) / (total - warmup)))


@pytest.mark.parametrize(("schedule", "warmup"), [("constant", 4), ("cosine", 4)])
def test_rates_are_the_papers(blobs: Dataset, schedule: str, warmup: int) -> None:
    (run,) = run_of(
        blobs,
        entry(optimizer="sgd", learning_rate=0.02, schedule=schedule, warmup_steps=warmup),
    )
    factor = {
        "constant": lambda step: min(1, (step + 1) / max(warmup, 1)),
        "cosine": lambda step: cosine(step, warmup, 10),
    }[schedule]
    wanted = 0.02 * np.array([factor(step) for step in range(10)])
    np.testing.assert_allclose(rates_of(run), np.repeat(wanted[:, None], 4, axis=1), rtol=2e-4)


def test_clipping_shortens_all_gradients_by_one_factor(blobs: Dataset) -> None:
    """The whole step is rate x limit long where the gradient is longer, biases counted, and the
    direction stays: one factor for all layers."""
    (run,) = run_of(blobs, entry(optimizer="sgd", learning_rate=0.02, clip_norm=0.05))
    rates = rates_of(run)
    assert (rates.max(axis=1) < 0.02 * 0.9).any()
    np.testing.assert_allclose(rates, np.repeat(rates[:, :1], 4, axis=1), rtol=1e-4)
    gradients = np.sqrt((run.values("steps", "weight_grad_norm")[0] ** 2).sum(axis=1))
    moved = rates[:, 0] * gradients
    assert (moved <= 0.02 * 0.05 * (1 + 1e-4)).all()
    assert moved.max() > 0.5 * 0.02 * 0.05


def test_a_limit_never_reached_changes_nothing(blobs: Dataset) -> None:
    (run,) = run_of(blobs, entry(optimizer="sgd", learning_rate=0.02, clip_norm=1e6))
    np.testing.assert_allclose(rates_of(run), 0.02, rtol=2e-4)


@pytest.mark.parametrize("norm", ["none", "batch", "layer"])
def test_padding_rows_count_for_nothing(norm: str) -> None:
    """A ragged batch is padded and its padding weighted 0: the pass is that of the real rows,
    whatever the padding holds."""
    network = parse(f"7-6x2-5-4 tanh norm={norm} bias_std=0.3")
    training = TRAINING.replace(dtype="float64", batch_size=16)
    key = program_key(network, training, 100, frozenset({"tanh"}))
    rng = np.random.default_rng(3)
    x, targets = rng.normal(size=(16, 7)), np.eye(4)[rng.integers(0, 4, 16)]
    real = 11
    x[real:] = 1e3
    weights = (np.arange(16) < real).astype(float)
    with precision("float64"):
        params = build.initial_parameters(network, 0)
        tables = build.layer_tables(network, key.activations)

        def one(x, targets, weights):
            result = one_pass(key, params, tables, x, targets, weights)
            statistics = [tap.statistics for tap in result.taps]
            return result.loss, result.correct, result.gradients, statistics

        program = jax.jit(one, compiler_options=QUICK)
        padded = program(jnp.asarray(x), jnp.asarray(targets), jnp.asarray(weights))
        alone = program(jnp.asarray(x[:real]), jnp.asarray(targets[:real]), None)
        for ours, wanted in zip(jax.tree.leaves(padded), jax.tree.leaves(alone), strict=True):
            np.testing.assert_allclose(ours, wanted, rtol=1e-11, atol=1e-13)


def test_an_epochs_figures_count_every_sample_once(blobs: Dataset) -> None:
    """Nothing is learned at a rate of 1e-12, so an epoch over batches of 60, 60, 60 and 20 must
    show what an evaluation of the same samples shows."""
    same = dataclasses.replace(blobs, x_test=blobs.x_train, y_test=blobs.y_train)
    (run,) = run_of(same, entry(batch_size=60, optimizer="sgd", learning_rate=1e-12))
    np.testing.assert_allclose(
        run.values("epochs", "loss"), np.repeat(run.figure("test_loss")[:, None], 2, 1), rtol=1e-5
    )
    np.testing.assert_allclose(
        run.values("epochs", "accuracy")[0], run.figure("test_accuracy")[0], rtol=1e-7
    )
    assert run.groups["steps"].coords["step"].tolist() == list(range(8))
