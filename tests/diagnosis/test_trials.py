"""A change is made for one trial, and everything it touched is put back."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
import torch
from torch import nn

from gradgauge.diagnosis.budget import Span
from gradgauge.diagnosis.diagnose import trainee_of
from gradgauge.diagnosis.errors import CannotDiagnose
from gradgauge.diagnosis.trainees.torch.trainee import PyTorchTrainee
from gradgauge.diagnosis.trial import Change
from tests.diagnosis.made import inputs, labels

X, Y = inputs(), labels()
CHANGES = (
    Change(rate_factor=10.0),
    Change(scaled_inputs=True),
    Change(clip_norm=1e-4),
    Change(seed=1),
    Change(left_out=True),
)
OF_MODELS = (Change(activation="tanh"), Change(optimizer="sgd"))


def pytorch():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(10, 8), nn.ReLU(), nn.Linear(8, 4))
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    given = (nn.CrossEntropyLoss(), optimizer, torch.as_tensor(X), torch.as_tensor(Y))
    return trainee_of(model, given, {"epochs": 2}), model


def keras_model():
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [keras.Input((10,)), keras.layers.Dense(8, "relu", name="h"), keras.layers.Dense(4)]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-2), loss)
    return trainee_of(model, (X, Y), {"epochs": 2}), model


def jax_loss():
    rng = np.random.default_rng(0)
    params = {"w": jnp.asarray(rng.normal(size=(10, 4)).astype(np.float32)) * 0.1}

    def loss(params, x, y):
        return -jnp.mean(jax.nn.log_softmax(x @ params["w"])[jnp.arange(len(y)), y])

    return trainee_of(loss, (params, X, Y), {"epochs": 2, "learning_rate": 0.1}), loss


def losses(trainee, change: Change) -> np.ndarray:
    trainee.rewind()
    return trainee.tried(change, Span(14)).history.losses


def the_watched_training(trainee) -> str:
    """Watches the training, for its layers' names; that of the first."""
    watched = trainee.watched(Span(14))
    return watched.layers[0].name


@pytest.mark.parametrize(
    ("make", "changes"),
    [(pytorch, CHANGES + OF_MODELS), (keras_model, CHANGES + OF_MODELS), (jax_loss, CHANGES)],
)
def test_every_change_changes_the_training_and_leaves_nothing(make, changes):
    trainee, _ = make()
    with trainee.kept():
        trainee.heads()
        layer = the_watched_training(trainee)
        plain = losses(trainee, Change())
        for change in (*changes, Change(weight_factors={layer: 3.0})):
            assert not np.array_equal(losses(trainee, change), plain), change
            assert np.array_equal(losses(trainee, Change()), plain), change


def test_modules_and_optimizer_are_the_users_own_afterwards():
    trainee, model = pytorch()
    assert isinstance(trainee, PyTorchTrainee)
    before, optimizer = list(model), trainee.loop.optimizer
    with trainee.kept():
        trainee.heads()
        for change in OF_MODELS:
            trainee.tried(change, Span(14))
    assert list(model) == before
    assert trainee.loop.optimizer is optimizer
    assert optimizer.param_groups[0]["lr"] == 1e-2


def test_what_cannot_be_changed_is_said():
    for make in (pytorch, keras_model):
        trainee, _ = make()
        with trainee.kept():
            trainee.heads()
            for change in (Change(activation="nothing"), Change(optimizer="nothing")):
                with pytest.raises(CannotDiagnose):
                    trainee.tried(change, Span(2))
    trainee, _ = jax_loss()
    with pytest.raises(CannotDiagnose):
        trainee.tried(Change(activation="relu"), Span(2))
