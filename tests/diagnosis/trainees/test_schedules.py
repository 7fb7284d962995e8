"""The schedule that a scheduler or callbacks will follow: simulated to its end, or as it was."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import keras
import numpy as np
import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler

import gradgauge
from gradgauge.diagnosis.facts import Schedule
from gradgauge.diagnosis.trainees.keras.schedule import simulated as simulated_by_keras
from gradgauge.diagnosis.trainees.torch.schedule import Stepping, simulated, stepping_of
from tests.diagnosis.made import evidence, found

EPOCHS, BATCHES = 10, 8


def parts(lr: float = 0.1) -> tuple[nn.Module, torch.optim.Optimizer]:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))
    return model, torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)


def data() -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.randn(256, 8, generator=torch.Generator().manual_seed(0))
    return x, x[:, :4].argmax(1)


# -- simulation against the scheduler's own steps


@pytest.mark.parametrize(
    "make",
    [
        lambda o: lr_scheduler.StepLR(o, 30, 0.1),
        lambda o: lr_scheduler.CosineAnnealingLR(o, EPOCHS * BATCHES),
        lambda o: lr_scheduler.OneCycleLR(o, 0.5, total_steps=EPOCHS * BATCHES),
        lambda o: lr_scheduler.LambdaLR(o, lambda step: min(step / 20, 1.0)),
        lambda o: lr_scheduler.SequentialLR(
            o,
            [lr_scheduler.LinearLR(o, 0.1, 1.0, 10), lr_scheduler.ExponentialLR(o, 0.97)],
            [10],
        ),
    ],
)
def test_simulated_rates_are_those_of_the_scheduler_itself(make: Any) -> None:
    """Against another scheduler of the same kind, stepped along with its optimizer."""
    _, optimizer = parts()
    scheduler = make(optimizer)
    state, rate = scheduler.state_dict(), optimizer.param_groups[0]["lr"]
    steps = EPOCHS * BATCHES
    schedule = simulated(Stepping(scheduler, per_step=True, sure=True), optimizer, steps, BATCHES)
    assert schedule is not None
    assert optimizer.param_groups[0]["lr"] == rate
    assert scheduler.last_epoch == state["last_epoch"]
    _, other = parts()
    plain, rates = make(other), []
    for step in range(steps):
        rates.append(other.param_groups[0]["lr"])
        other.step()
        if step < steps - 1:
            plain.step()
    np.testing.assert_allclose(schedule.rates, rates, rtol=1e-6)


def test_a_scheduler_by_epochs_steps_once_an_epoch() -> None:
    _, optimizer = parts()
    scheduler = lr_scheduler.StepLR(optimizer, 3, 0.1)
    schedule = simulated(Stepping(scheduler, per_step=False, sure=True), optimizer, 80, BATCHES)
    assert schedule is not None
    np.testing.assert_allclose(schedule.rates[::BATCHES], 0.1 * 0.1 ** (np.arange(10) // 3))


def test_when_a_scheduler_steps_is_guessed_from_what_it_was_made_for() -> None:
    def often(make: Any, epochs: int = EPOCHS) -> bool:
        _, optimizer = parts()
        scheduler = make(optimizer)
        found = stepping_of(None, optimizer, epochs)  # found, for it knows its optimizer
        assert found is not None
        assert found.scheduler is scheduler
        assert not found.sure
        return found.per_step

    assert often(lambda o: lr_scheduler.OneCycleLR(o, 0.5, total_steps=80))
    assert often(lambda o: lr_scheduler.LambdaLR(o, lambda current_step: min(current_step / 9, 1)))
    assert often(lambda o: lr_scheduler.CosineAnnealingLR(o, 80))
    assert not often(lambda o: lr_scheduler.CosineAnnealingLR(o, 10))
    assert not often(lambda o: lr_scheduler.LambdaLR(o, lambda epoch: 0.9**epoch))
    assert not often(lambda o: lr_scheduler.StepLR(o, 30, 0.1))


# -- what is said of it


def schedule(rates: Any, base: float = 0.1, **options: Any) -> Schedule:
    values = np.asarray(rates, float)
    return Schedule(np.arange(len(values)), values, base, **options)


AT = np.arange(200)
SOUND = {
    "constant": np.full(200, 0.1),
    "cosine to zero": 0.05 * (1 + np.cos(np.pi * AT / 200)),
    "linear to zero": 0.1 * (1 - AT / 200),
    "warm-up and cosine": 0.1 * np.minimum(AT / 20, 1) * (1 + np.cos(np.pi * AT / 200)) / 2,
    "steps of ten": 0.1 * 0.1 ** (AT // 60),
    "one cycle": np.interp(AT, [0, 60, 200], [0.004, 0.1, 1e-6]),
    "restarts": 0.05 * (1 + np.cos(np.pi * (AT % 50) / 50)),
    "inverse square root": 0.1 / np.sqrt(1 + AT),
}


@pytest.mark.parametrize("name", SOUND)
def test_common_schedules_are_healthy(name: str) -> None:
    failing = evidence(failing=True)
    given = dataclasses.replace(failing, schedule=schedule(SOUND[name]))
    cases = [
        f.case
        for rule in ("learning-rate-too-low", "learning-rate-too-high")
        for f in found(rule, given)
    ]
    assert not {"ends_early", "never_warm", "schedule_grows"} & set(cases)


@pytest.mark.parametrize(
    ("rates", "rule", "case"),
    [
        (0.1 * 0.1 ** (AT // 10), "learning-rate-too-low", "ends_early"),
        (np.where(AT < 1, 0.1, 0.0), "learning-rate-too-low", "ends_early"),
        (np.zeros(200), "learning-rate-too-low", "ends_early"),
        (0.1 * AT / 10_000, "learning-rate-too-low", "never_warm"),
        (0.1 * 1.1**AT, "learning-rate-too-high", "schedule_grows"),
    ],
)
def test_a_schedule_that_ends_it_never_begins_it_or_grows_is_a_fault(
    rates: Any, rule: str, case: str
) -> None:
    given = dataclasses.replace(evidence(failing=True), schedule=schedule(rates))
    first = next(f for f in found(rule, given) if f.case == case)
    assert first.severity == "fault"
    learned = dataclasses.replace(evidence(), schedule=schedule(rates))
    assert {f.severity for f in found(rule, learned) if f.case == case} <= {"warning"}
    guessed = dataclasses.replace(given, schedule=schedule(rates, sure=False))
    assert next(f for f in found(rule, guessed) if f.case == case).severity == "warning"


# -- whole diagnoses


def test_a_scheduler_that_was_given_shapes_the_training_and_stays_as_it_was() -> None:
    model, optimizer = parts()
    scheduler = lr_scheduler.ExponentialLR(optimizer, 0.1)
    result = gradgauge.diagnose(
        model,
        nn.CrossEntropyLoss(),
        optimizer,
        *data(),
        epochs=EPOCHS,
        scheduler={"scheduler": scheduler, "interval": "step"},
    )
    assert result.primary is not None
    assert (result.primary.rule, result.primary.case) == ("learning-rate-too-low", "ends_early")
    assert optimizer.param_groups[0]["lr"] == 0.1
    assert scheduler.last_epoch == 0


def test_a_sound_scheduler_is_healthy() -> None:
    model, optimizer = parts()
    scheduler = lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
    result = gradgauge.diagnose(
        model, nn.CrossEntropyLoss(), optimizer, *data(), epochs=EPOCHS, scheduler=scheduler
    )
    assert result.healthy, result


def watched(gamma: float, per_step: bool, epochs: int = 12) -> Any:
    model, optimizer = parts(0.02)
    scheduler = lr_scheduler.StepLR(optimizer, 2, gamma)
    x, y = data()
    with gradgauge.watch(model, every=1) as watcher:
        for _ in range(epochs):
            for i in range(0, 256, 32):
                optimizer.zero_grad()
                loss = nn.functional.cross_entropy(model(x[i : i + 32]), y[i : i + 32])
                loss.backward()
                watcher.log(loss)
                optimizer.step()
                if per_step:
                    scheduler.step()
            if not per_step:
                scheduler.step()
    return watcher.diagnose()


def test_a_scheduler_stepped_per_batch_is_seen_in_the_recording() -> None:
    wrong = watched(0.5, per_step=True)
    assert wrong.primary is not None
    assert (wrong.primary.rule, wrong.primary.case) == ("learning-rate-too-low", "ends_early")
    assert watched(0.5, per_step=False).healthy


# -- Keras


def compiled(rate: Any = 0.1) -> keras.Model:
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.layers.Input((8,)), keras.layers.Dense(4)])
    model.compile(keras.optimizers.SGD(rate), "mse")
    return model


def test_a_keras_schedule_is_called_at_every_step() -> None:
    decay = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)
    known = simulated_by_keras(compiled(decay), None, BATCHES, EPOCHS)
    assert known is not None
    np.testing.assert_allclose(known.rates, 0.1 * 0.5 ** (known.steps / 10), rtol=1e-5)
    assert simulated_by_keras(compiled(), None, BATCHES, EPOCHS) is None


def test_callbacks_by_epochs_are_followed() -> None:
    callback = keras.callbacks.LearningRateScheduler(lambda epoch, lr: lr * 0.5 if epoch else lr)
    known = simulated_by_keras(compiled(), [callback], BATCHES, EPOCHS)
    assert known is not None
    np.testing.assert_allclose(known.rates[::BATCHES], 0.1 * 0.5 ** np.arange(EPOCHS), rtol=1e-5)


@pytest.mark.parametrize(("mode", "reduces"), [("auto", False), ("min", False), ("max", True)])
def test_a_plateau_that_mistakes_the_direction_reduces_a_training_that_goes_well(
    mode: str, reduces: bool
) -> None:
    callback = keras.callbacks.ReduceLROnPlateau("loss", mode=mode, patience=2)
    known = simulated_by_keras(compiled(), [callback], BATCHES, 20)
    assert known is not None
    assert bool(known.rates[-1] < 1e-3 * known.rates[0]) is reduces
    assert math.isclose(known.rates[0], 0.1, rel_tol=1e-6)


class ByHand(keras.optimizers.schedules.LearningRateSchedule):
    """Branches in Python, so that it takes one step at a time."""

    def __call__(self, step: Any) -> float:
        return 0.1 if int(step) < 40 else 0.01

    def get_config(self) -> dict[str, Any]:
        return {}


@pytest.mark.parametrize(
    "made",
    [
        keras.optimizers.schedules.CosineDecay(0.0, 40, warmup_target=0.1, warmup_steps=40),
        ByHand(),
    ],
)
def test_a_keras_schedule_is_sampled_as_it_answers_step_by_step(made: Any) -> None:
    known = simulated_by_keras(compiled(made), None, BATCHES, EPOCHS)
    assert known is not None
    plain = [float(keras.ops.convert_to_numpy(made(int(step)))) for step in known.steps[::10]]
    np.testing.assert_allclose(known.rates[::10], plain, rtol=1e-5, atol=1e-9)
    assert known.steps[-1] == EPOCHS * BATCHES - 1
