"""Mistakes whose remedy is a certainty: after the remedy the training is, score by score, that of
the twin that never had the mistake; and the patch, written into the program, trains."""

from __future__ import annotations

import itertools
from typing import Any

import keras
import numpy as np
import pytest
import torch
from torch import nn

import gradgauge as gg
from gradgauge.diagnosis.finding import FAULT, Diagnosis, Finding
from gradgauge.own.data import given_data
from gradgauge.remedies.known import BY_KEY, REMEDIES
from gradgauge.remedies.own.target import target_of
from gradgauge.remedies.own.trainer import OwnTrainer
from gradgauge.remedies.trainer import CONTROL, REMEDY, Candidate, CannotApply, Dose, Task
from gradgauge.remedies.trial import remedies_for
from gradgauge.spec.training import TrainingSpec

INPUTS, CLASSES = 6, 3
TRAINING = TrainingSpec(epochs=2, batch_size=40)


def points():
    rng = np.random.default_rng(3)
    y = np.arange(240) % CLASSES
    x = 3 * rng.normal(size=(CLASSES, INPUTS))[y] + rng.normal(size=(240, INPUTS))
    return x.astype(np.float32), y


def heights():
    x, _ = points()
    return x, (x @ np.arange(1, INPUTS + 1)[:, None]).astype(np.float32)


def binary():
    x, y = points()
    return x, (y[:, None] > 0).astype(np.float32)


class InForward(nn.Module):
    """Ends in a function, which no module tells of."""

    def __init__(self, body, end):
        super().__init__()
        self.body, self.end = body, end

    def forward(self, x):
        return self.end(self.body(x))


def pytorch(end: Any = None, loss: Any = None, units: int = CLASSES, change: Any = None):
    def make():
        body = nn.Sequential(nn.Linear(INPUTS, 8), nn.Tanh(), nn.Linear(8, units))
        optimizer = torch.optim.Adam(body.parameters(), 1e-2)
        model: Any = body
        if isinstance(end, nn.Module):
            model = nn.Sequential(*body, end)
        elif end is not None:
            model = InForward(body, end)
        if change is not None:
            optimizer = change(model) or optimizer
        return model, loss or nn.CrossEntropyLoss(), optimizer

    return make


def _freeze(model):
    model[0].requires_grad_(False)


def _leave_out(model):
    return torch.optim.Adam(model[2].parameters(), 1e-2)


def _softmax(outputs):
    return outputs.softmax(dim=1)


PYTORCH = {
    "remove_softmax": (pytorch(nn.Softmax(dim=1)), pytorch(), points),
    "remove_softmax-2": (pytorch(_softmax), pytorch(), points),
    "remove_sigmoid": (
        pytorch(nn.Sigmoid(), nn.BCEWithLogitsLoss(), 1),
        pytorch(None, nn.BCEWithLogitsLoss(), 1),
        binary,
    ),
    "sigmoid_out": (
        pytorch(None, lambda o, t: nn.functional.binary_cross_entropy(o.clamp(0, 1), t), 1),
        pytorch(None, nn.BCEWithLogitsLoss(), 1),
        binary,
    ),
    "log_softmax": (pytorch(None, nn.NLLLoss()), pytorch(), points),
    "log_softmax-2": (pytorch(nn.Softmax(dim=1), nn.NLLLoss()), pytorch(), points),
    "logits_out": (pytorch(nn.Sigmoid()), pytorch(), points),
    "linear_out": (
        pytorch(nn.ReLU(), nn.MSELoss(), 1),
        pytorch(None, nn.MSELoss(), 1),
        heights,
    ),
    "same_shape": (
        pytorch(None, nn.MSELoss(), 1),
        pytorch(None, nn.MSELoss(), 1),
        lambda: (heights()[0], heights()[1][:, 0]),
    ),
    "reach_frozen": (pytorch(change=_freeze), pytorch(), points),
    "reach_not_in_optimizer": (pytorch(change=_leave_out), pytorch(), points),
}


def own(make, data, training=TRAINING):
    return OwnTrainer(target_of(make, given_data(*data), training))


def losses(make, data, *doses):
    """Of the training, epoch by epoch, for every seed."""
    candidate = Candidate(REMEDY if doses else CONTROL, doses)
    outcome = own(make, data).train(Task([candidate], (0, 1), 1.0, "confirm")).outcomes[0]
    return np.asarray(outcome.curve)


@pytest.mark.filterwarnings("ignore:Using a target size")
@pytest.mark.parametrize("case", PYTORCH)
def test_a_repaired_pytorch_training_is_that_of_its_twin(case):
    broken, twin, data = PYTORCH[case]
    meant = heights() if case == "same_shape" else data()
    repaired = losses(broken, data(), Dose(case.partition("-")[0]))
    assert repaired == pytest.approx(losses(twin, meant), rel=2e-3)
    assert repaired != pytest.approx(losses(broken, data()), rel=2e-3)


def keras_maker(activation: str | None, loss: Any, units: int = CLASSES, frozen: bool = False):
    def make():
        hidden = keras.layers.Dense(8, activation="tanh", trainable=not frozen)
        head = keras.layers.Dense(units, activation=activation)
        model = keras.Sequential([keras.Input((INPUTS,)), hidden, head])
        model.compile(keras.optimizers.Adam(1e-2), loss)
        return model

    return make


def _sparse(logits):
    return keras.losses.SparseCategoricalCrossentropy(from_logits=logits)


_PLAIN = keras_maker("softmax", "sparse_categorical_crossentropy")
KERAS = {
    "remove_softmax": (keras_maker("softmax", _sparse(True)), _PLAIN, points),
    "from_logits_false": (keras_maker("softmax", _sparse(True)), _PLAIN, points),
    "from_logits_true": (
        keras_maker(None, "sparse_categorical_crossentropy"),
        _PLAIN,
        points,
    ),
    "softmax_out": (keras_maker(None, "sparse_categorical_crossentropy"), _PLAIN, points),
    "one_unit_sigmoid": (
        keras_maker("softmax", "binary_crossentropy", 1),
        keras_maker("sigmoid", "binary_crossentropy", 1),
        binary,
    ),
    "linear_out": (keras_maker("relu", "mse", 1), keras_maker(None, "mse", 1), heights),
    "reach_frozen": (
        keras_maker("softmax", "sparse_categorical_crossentropy", frozen=True),
        _PLAIN,
        points,
    ),
}


@pytest.mark.filterwarnings("ignore:You are using a softmax")
@pytest.mark.parametrize("key", KERAS)
def test_a_repaired_keras_training_is_that_of_its_twin(key):
    broken, twin, data = KERAS[key]
    repaired = losses(broken, data(), Dose(key))
    assert repaired == pytest.approx(losses(twin, data()), rel=2e-3)


@pytest.mark.parametrize("remedy", [r for r in REMEDIES if r.certain], ids=lambda r: r.key)
def test_every_certainty_has_lines_that_compile(remedy):
    assert remedy.patch and remedy.touches and remedy.named("ko")
    for framework in remedy.patch:
        lines = remedy.lines(framework, 1.0, "", ("fc1",))
        assert "$" not in lines
        compile(lines, remedy.key, "exec")
    tested = {case.partition("-")[0] for case in (*PYTORCH, *KERAS)}
    assert remedy.key in tested | {"sigmoid_binary", "clean_data", "standardize_targets"} | {
        *("shuffle", "labels_from_zero")
    }


def test_several_labels_get_a_loss_of_several():
    x, y = points()
    several = np.stack([y > 0, y < 2], axis=1).astype(np.float32)
    trainer = own(pytorch(nn.Softmax(dim=1), units=2), (x, several))
    assert trainer.applies(Dose("sigmoid_binary")) is None


def test_what_is_not_wrong_has_nothing_to_change():
    trainer = own(pytorch(), points())
    for key in ("logits_out", "reach_frozen", "reach_not_in_optimizer", "same_shape"):
        why = trainer.applies(Dose(key))
        assert isinstance(why, CannotApply), key


def test_only_the_layers_that_were_found_are_set_free():
    def make():
        model = nn.Sequential(nn.Linear(INPUTS, 8), nn.Tanh(), nn.Linear(8, CLASSES))
        model.requires_grad_(False)
        model[2].bias.requires_grad_(True)
        return model, nn.CrossEntropyLoss(), torch.optim.Adam(model.parameters(), 1e-2)

    trainer = own(make, points())
    model, _, _ = trainer.apply(Candidate(REMEDY, (Dose("reach_frozen", layers=("2",)),)))
    assert [p.requires_grad for p in model.parameters()] == [False, False, True, True]


def test_certainties_are_tried_before_all_else_and_only_where_advised():
    found = (
        Finding("vanishing-gradient", FAULT, "layers", remedies=("relu_instead",)),
        Finding("loss-mismatch", FAULT, "softmax_twice", remedies=("remove_softmax",)),
    )
    listed = remedies_for(Diagnosis(found, None))
    assert listed[0].key == "remove_softmax"
    assert [r.key for r in listed if r.certain] == ["remove_softmax"]


def test_a_layer_that_the_optimizer_lacks_is_repaired_and_the_patch_trains(monkeypatch):
    """Diagnosed, tried, proved; and the patch, written into the program, learns as it was said."""
    from gradgauge.remedies import ladder, trial

    listed = trial.remedies_for
    monkeypatch.setattr(trial, "remedies_for", lambda d: listed(d)[:1])
    monkeypatch.setattr(ladder, "RATE_FACTORS", (0.1, 10.0))

    def make_deep():
        widths = [INPUTS, *[4] * 5]
        parts = [p for m, n in itertools.pairwise(widths) for p in (nn.Linear(m, n), nn.Tanh())]
        model = nn.Sequential(*parts, nn.Linear(4, CLASSES))
        return model, nn.CrossEntropyLoss(), torch.optim.Adam(model[-1].parameters(), 3e-2)

    x, y = points()
    result = gg.remedy(make_deep, x=x, y=y, epochs=5, batch_size=20, budget=12)
    assert "unreached-layer" in result.findings["before"]
    arm = next(a for a in result.arms if "reach_not_in_optimizer" in a.remedies)
    assert arm.over_control.mean > 0.1
    assert arm.candidate.doses[0].layers == ("0", "2", "4", "6", "8")
    result.winning = arm
    names: dict[str, Any] = {"torch": torch}
    torch.manual_seed(0)
    names["model"], names["loss"], names["optimizer"] = make_deep()
    exec(compile(result.patch, "patch", "exec"), names)
    inputs, targets = torch.as_tensor(x), torch.as_tensor(y)
    for _ in range(300):
        names["optimizer"].zero_grad()
        names["loss"](names["model"](inputs), targets).backward()
        names["optimizer"].step()
    right = names["model"](inputs).argmax(dim=1) == targets
    assert float(right.float().mean()) > 0.8
    assert BY_KEY["reach_not_in_optimizer"].certain
