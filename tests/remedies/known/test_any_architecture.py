"""Remedies of weights and activations reach what is no chain of dense layers."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import torch
from torch import nn

from gradgauge.own.data import given_data
from gradgauge.remedies.own.target import target_of
from gradgauge.remedies.own.trainer import OwnTrainer
from gradgauge.remedies.trainer import REMEDY, Candidate, Dose, Task
from gradgauge.spec.training import TrainingSpec


class Net(nn.Module):
    """Convolutions without a bias, a block of its own, a softmax inside."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(1, 6, 3, bias=False)
        self.block = nn.Sequential(nn.Sigmoid(), nn.Flatten(), nn.Linear(6 * 36, 8), nn.Sigmoid())
        self.weigh, self.out = nn.Softmax(dim=1), nn.Linear(8, 3)

    def forward(self, x):
        h = self.block(self.stem(x))
        return self.out(h * self.weigh(h))


def images():
    rng = np.random.default_rng(0)
    return rng.normal(size=(120, 1, 8, 8)).astype(np.float32), np.arange(120) % 3


def trained(make, data, training=None):
    return OwnTrainer(target_of(make, given_data(*data), training or TrainingSpec(batch_size=20)))


def treated(key, knob: float | None = None) -> Any:
    def make():
        model = Net()
        return model, nn.CrossEntropyLoss(), torch.optim.SGD(model.parameters(), 0.1)

    return trained(make, images()).apply(Candidate(REMEDY, (Dose(key, knob),)))[0]


def test_he_weights_reach_convolutions():
    model = treated("he_init")
    for weight, fan_in in ((model.stem.weight, 9), (model.block[2].weight, 216)):
        assert float(weight.detach().std()) == pytest.approx((2 / fan_in) ** 0.5, rel=0.2)
    assert not model.block[2].bias.any()


def test_activations_within_blocks_are_exchanged_and_a_softmax_is_not():
    model = treated("relu_instead")
    kinds = [type(module) for module in model.block]
    assert kinds == [nn.ReLU, nn.Flatten, nn.Linear, nn.ReLU]
    assert isinstance(model.weigh, nn.Softmax)


@pytest.mark.parametrize("spread", [1.0, 2.0])
def test_every_layer_of_a_module_begins_with_the_spread_wanted(spread):
    model = treated("lsuv", spread)
    seen: list[float] = []
    for module in (model.stem, model.block[2], model.out):
        module.register_forward_hook(lambda *given: seen.append(float(given[2].std())))
    data = given_data(*images())
    with torch.no_grad():
        model(torch.as_tensor(data.x))
    assert seen == pytest.approx([spread] * 3, rel=1e-3)
    assert model.training


def test_every_constant_weight_is_drawn_whatever_it_belongs_to():
    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.table, self.rnn = nn.Embedding(9, 4), nn.GRU(4, 5, batch_first=True)
            self.last = nn.Parameter(torch.zeros(5, 2))
            for parameter in self.parameters():
                nn.init.constant_(parameter, 0.05)

        def forward(self, x):
            return self.rnn(self.table(x))[1][0] @ self.last

    def make():
        model = Own()
        return model, nn.CrossEntropyLoss(), torch.optim.SGD(model.parameters(), 0.1)

    x = np.arange(240).reshape(60, 4) % 9
    model = trained(make, (x, np.arange(60) % 2)).apply(Candidate(REMEDY, (Dose("random_init"),)))[
        0
    ]
    assert all(float(p.detach().std()) > 0.01 for p in model.parameters() if p.dim() > 1)


def test_keras_convolutions_without_a_bias_are_drawn():
    def make():
        layers = [
            keras.layers.Conv2D(
                6, 3, use_bias=False, activation="relu", data_format="channels_last"
            ),
            keras.layers.Flatten(),
            keras.layers.Dense(3),
        ]
        model = keras.Sequential([keras.Input((8, 8, 1)), *layers])
        for variable in model.trainable_variables:
            variable.assign(keras.ops.zeros(variable.shape) + 0.05)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile("sgd", loss)
        return model

    x, y = images()
    data = x.transpose(0, 2, 3, 1), y
    for key in ("he_init", "random_init", "right_gain"):
        model = trained(make, data).apply(Candidate(REMEDY, (Dose(key),)))
        assert all(
            float(np.std(layer.kernel)) > 0.01 for layer in (model.layers[0], model.layers[2])
        )


def test_a_softmax_that_the_loss_applies_is_taken_out_of_the_loss():
    def make():
        model = nn.Sequential(nn.Linear(64, 3))

        def loss(outputs, targets):
            return nn.functional.cross_entropy(outputs.softmax(dim=1), targets)

        return model, loss, torch.optim.SGD(model.parameters(), 0.1)

    x, y = images()
    trainer = trained(make, (x.reshape(120, 64), y))
    _, loss, _ = trainer.apply(Candidate(REMEDY, (Dose("remove_softmax"),)))
    assert isinstance(loss, nn.CrossEntropyLoss)
    task = Task([Candidate(REMEDY, (Dose("remove_softmax"),))], (0,), 1.0, "screen")
    assert trainer.train(task).outcomes
