"""Mistakes in the data: after the remedy the training is as good as its twin's, on the targets that
were given."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
import torch
from torch import nn

from gradgauge.own.data import given_data
from gradgauge.remedies.known import BY_KEY
from gradgauge.remedies.own.target import target_of
from gradgauge.remedies.own.trainer import OwnTrainer
from gradgauge.remedies.trainer import CONTROL, REMEDY, Candidate, CannotApply, Dose, Task
from gradgauge.spec.training import TrainingSpec

INPUTS = 4
TRAINING = TrainingSpec(epochs=4, batch_size=20)


def make_pytorch():
    model = nn.Linear(INPUTS, 2)
    return model, nn.MSELoss(), torch.optim.SGD(model.parameters(), 0.1)


def make_keras():
    model = keras.Sequential([keras.Input((INPUTS,)), keras.layers.Dense(2)])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    return model


def make_jax():
    def predict(params, x):
        return x @ params["w"] + params["b"]

    def loss(params, x, y):
        return jnp.mean((predict(params, x) - y) ** 2)

    params = {"w": jax.random.normal(jax.random.key(0), (INPUTS, 2)), "b": jnp.zeros(2)}
    return {"loss": loss, "params": params, "predict": predict, "learning_rate": 0.1}


MAKERS = {"keras": make_keras, "pytorch": make_pytorch, "jax": make_jax}


def heights():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(200, INPUTS)).astype(np.float32)
    return x, (x @ rng.normal(size=(INPUTS, 2))).astype(np.float32)


def scores(framework, data, key):
    trainer = OwnTrainer(target_of(MAKERS[framework], given_data(*data), TRAINING))
    task = Task([Candidate(CONTROL), Candidate(REMEDY, (Dose(key),))], (0, 1), 1.0, "confirm")
    return trainer, [outcome.scores for outcome in trainer.train(task).outcomes]


@pytest.mark.parametrize("framework", MAKERS)
def test_targets_far_off_are_standardized_and_scored_as_they_were_given(framework):
    x, y = heights()
    trainer, (control, treated) = scores(framework, (x, y * (1, 10) + 1e4), "standardize_targets")
    assert trainer.metric.name == "explained_variance"
    assert max(control) < 0.5 < 0.97 < min(treated)


@pytest.mark.parametrize("framework", MAKERS)
def test_samples_that_are_no_numbers_are_cleaned_also_where_it_is_tested(framework):
    x, y = heights()
    x[::9, 1] = np.nan
    x[x[:, 2] < -1.5, 2] = -np.inf  # As the logarithm of a count that is 0.
    y[::7] = np.inf
    _, (control, treated) = scores(framework, (x, y), "clean_data")
    assert set(control) == {-1.0} and min(treated) > 0.6


def test_data_that_are_well_have_nothing_to_clean():
    trainer = OwnTrainer(target_of(make_pytorch, given_data(*heights()), TRAINING))
    assert isinstance(trainer.applies(Dose("clean_data")), CannotApply)
    assert isinstance(trainer.applies(Dose("rates_alike")), CannotApply)


def test_groups_get_the_rate_of_the_largest():
    def make():
        model = nn.Sequential(nn.Linear(INPUTS, 8), nn.Linear(8, 2))
        groups = [
            {"params": model[0].parameters()},
            {"params": model[1].parameters(), "lr": 1e-9},
        ]
        return model, nn.MSELoss(), torch.optim.SGD(groups, 0.1)

    trainer = OwnTrainer(target_of(make, given_data(*heights()), TRAINING))
    _, _, optimizer = trainer.apply(Candidate(REMEDY, (Dose("rates_alike"),)))
    assert [group["lr"] for group in optimizer.param_groups] == [0.1, 0.1]


def test_zeros_and_ones_of_a_loss_that_is_none_of_numbers_are_classes():
    def maker(loss):
        def make():
            model = nn.Linear(INPUTS, 1)
            return model, loss, torch.optim.SGD(model.parameters(), 0.1)

        return make

    x, y = heights()
    bits = (y[:, :1] > 0).astype(np.float32)
    for loss, name in (
        (nn.BCEWithLogitsLoss(), "test_accuracy"),
        (lambda o, t: nn.functional.binary_cross_entropy_with_logits(o, t), "test_accuracy"),
        (nn.MSELoss(), "explained_variance"),
        (lambda o, t: ((o - t) ** 2).mean(), "explained_variance"),
    ):
        trainer = OwnTrainer(target_of(maker(loss), given_data(x, bits), TRAINING))
        assert trainer.metric.name == name


def test_what_is_not_shuffled_is_repeated_in_order_and_shuffled_by_the_remedy():
    x, y = heights()
    trainer = OwnTrainer(target_of(make_pytorch, given_data(x, y), TRAINING))
    assert isinstance(trainer.applies(Dose("shuffle")), CannotApply)
    ordered = OwnTrainer(target_of(make_pytorch, given_data(x, y), TRAINING))
    ordered.in_order = True
    for candidate, same in (
        (Candidate(CONTROL), True),
        (Candidate(REMEDY, (Dose("shuffle"),)), False),
    ):
        site = ordered._treated(candidate, 0)
        batches = ordered._batches(site.data, 0, 2, site.in_order)
        first, second = batches.orders()
        assert np.array_equal(first, np.arange(batches.y.shape[0])) is same
        assert np.array_equal(first, second) is same
    assert ordered.fingerprint != trainer.fingerprint


def test_labels_that_count_from_one_count_from_zero():
    def make():
        model = nn.Linear(INPUTS, 3)
        return model, nn.CrossEntropyLoss(), torch.optim.SGD(model.parameters(), 0.1)

    x, y = heights()
    labels = np.digitize(y[:, 0], (-1, 1)) + 1
    trainer = OwnTrainer(target_of(make, given_data(x, labels), TRAINING))
    trainer.errors_explained = True
    task = Task(
        [Candidate(CONTROL), Candidate(REMEDY, (Dose("labels_from_zero"),))], (0,), 1.0, "screen"
    )
    control, treated = trainer.train(task).outcomes
    assert control.scores == (0.0,) and treated.scores[0] > 0.7


def test_labels_count_from_the_smallest_of_training_and_test_rows_together():
    x, y = heights()
    trainer = OwnTrainer(target_of(make_pytorch, given_data(x, y), TRAINING))
    site = trainer._treated(Candidate(CONTROL), 0)
    lines, touches = BY_KEY["labels_from_zero"].patch["pytorch"], frozenset({"targets"})
    ones, data = np.ones(4, np.int64), site.data
    shifted = dataclasses.replace(site, data=dataclasses.replace(data, y=ones + 1, test_y=ones))
    after = shifted.with_data(touches, lines, {})
    assert after is not None
    assert set(after.data.y) == {1} and set(after.data.test_y) == {0}
    right = dataclasses.replace(site, data=dataclasses.replace(data, y=ones, test_y=ones - 1))
    with pytest.raises(CannotApply, match="already"):
        right.with_data(touches, lines, {})
