"""Sampling, thinning, the Run and its file, the catalogue's notes."""

from __future__ import annotations

import numpy as np
import pytest

from gradgauge.layers import LayerInfo, Note
from gradgauge.messages.catalog import LANGUAGES, entries
from gradgauge.run import Run
from gradgauge.watchers.activations import named
from gradgauge.watchers.recognition import Sample, recognized
from gradgauge.watchers.recorder import Recorder
from gradgauge.watchers.sampling import Sampler
from gradgauge.watchers.series import Series


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.mark.parametrize(("step_time", "cost"), [(1e-3, 5e-3), (1e-3, 1e-4), (0.5, 5e-3)])
def test_measuring_stays_within_its_share_of_the_time(step_time, cost):
    clock = Clock()
    sampler = Sampler(None, 0.01, clock)
    measured = 0
    for step in range(5000):
        if sampler.due(step):
            clock.now += cost
            sampler.spent(cost)
            measured += 1
        clock.now += step_time
    share = (measured - 1) * cost / clock.now
    assert share <= 0.01
    most = min(5000, 0.01 * clock.now / cost)
    assert measured >= 0.9 * most


def test_a_dear_first_measurement_is_not_charged():
    clock = Clock()
    sampler = Sampler(None, 0.1, clock)
    assert sampler.due(0)
    sampler.spent(0.15)
    clock.now += 0.4
    assert not sampler.due(1)
    clock.now += 0.2
    assert sampler.due(2)


def test_a_dear_first_measurement_is_no_estimate_once_there_is_another():
    clock = Clock()
    sampler = Sampler(None, 0.1, clock)
    sampler.spent(0.05)
    clock.now += 0.6
    sampler.spent(0.002)
    assert sampler.due(2)  # Together 0.004 s of 0.6 s.


def test_fixed_steps():
    sampler = Sampler(3, 0.01)
    assert [step for step in range(10) if sampler.due(step)] == [0, 3, 6, 9]


def test_thinning_keeps_first_and_last_and_order():
    series = Series(8)
    for step in range(1000):
        series.put(step, {"a": np.array([step])})
    assert series.steps[0] == 0
    assert series.steps[-1] == 999
    assert len(series.steps) <= 8
    assert series.steps == sorted(set(series.steps))
    assert [row["a"][0] for row in series.rows] == series.steps


def recorder():
    layers = [LayerInfo("a", "dense", units=3), LayerInfo("층", "dense", output=True)]
    record = Recorder({"name": "n", "framework": "test", "batch": "training"})
    record.start(layers)
    return record


def test_run_is_saved_and_loaded_whole(tmp_path):
    record = recorder()
    record.step(0, {"weight_grad_norm": np.array([1.0, 2.0])}, 0.5)
    record.step(4, {"weight_norm": np.array([3.0, 4.0])})
    record.probe(0, {"delta_norm": np.array([1.0, np.nan])}, 0.5)
    record.epoch(1, {"loss": 0.5, "val_loss": 0.7})
    record.note("slope", "unknown_activation", "a")
    record.note("slope", "unknown_activation", "a")
    record.steps_done = 5
    run = Run.load(record.run().save(tmp_path / "run.nc"))
    assert [layer.name for layer in run.layers] == ["a", "층"]
    assert [note.layers for note in run.notes] == [("a",)]
    assert run.groups["steps"].coords["step"].tolist() == [0, 4]
    np.testing.assert_array_equal(
        run.values("steps", "weight_norm")[0], [[np.nan, np.nan], [3.0, 4.0]]
    )
    assert run.values("epochs", "val_loss")[0, 0] == 0.7
    assert run.figure("steps_done")[0] == 5
    assert run.attributes["source"] == "watch"
    assert run.steps["loss"].sel(member=0, step=0) == 0.5


def test_empty_run_is_saved(tmp_path):
    run = Recorder({"name": "n"}).run()
    assert Run.load(run.save(tmp_path / "run.nc")).figure("steps_done")[0] == 0


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([{"weight_grad_norm": [1.0, 1.0]}, {"weight_grad_norm": [1.0, np.nan]}], (1, 2)),
        ([{"weight_grad_norm": [np.nan, 1.0]}, {"weight_grad_norm": [np.nan, 1.0]}], (-1, -1)),
        ([{"z_std": [1.0, 1.0]}, {"z_std": [np.inf, np.nan], "weight_norm": [1.0, 1.0]}], (1, 1)),
        ([{"weight_norm": [1.0, np.nan]}], (0, 2)),
        ([{"weight_norm": [1.0, 1.0], "loss": np.nan}], (0, 2)),
    ],
)
def test_first_non_finite(rows, expected):
    record = recorder()
    for step, row in enumerate(rows):
        values = {k: np.array(v) for k, v in row.items() if k != "loss"}
        record.step(step, values, row.get("loss"))
    run = record.run()
    assert (run.figure("non_finite_step")[0], run.figure("non_finite_layer")[0]) == expected


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_note_has_words(lang):
    keys = entries(lang)
    reasons = [k.removeprefix("watch.reason.") for k in keys if k.startswith("watch.reason.")]
    for reason in reasons:
        facts = {"steps": 4, "error": "E", "listener": "L", "failures": 3}
        note = Note("signals", reason, ("fc1",), facts)
        assert "fc1" in note.sentence(lang)
    assert len(reasons) > 10


def test_names_of_activations():
    assert named("LeakyReLU", {"negative_slope": 0.3}).slope(np.array([-1.0, 1.0])).tolist() == [
        0.3,
        1,
    ]
    assert named("relu_").name == "relu"
    assert named("Hardsigmoid").name == "hard_sigmoid"
    assert named("swish").name == "silu"
    assert named("gelu", {"approximate": "tanh"}).name == "gelu_tanh"
    assert named("elu", {"alpha": 2.0}).slope(np.array([-1.0, 1.0])).tolist() == pytest.approx(
        [2 * np.exp(-1.0), 1]
    )
    assert named("hardswish").name == "hard_swish"
    assert named("softmax") is None


def test_recognizing_an_activation_by_its_values():
    z = np.linspace(-3, 3, 50)
    assert recognized(Sample(z, np.tanh(z))).name == "tanh"
    assert recognized(Sample(z, np.maximum(z, 0))).name == "relu"
    assert recognized(Sample(z, z * z)).name == "square"
    assert recognized(Sample(z, z * z * z)) is None


def test_one_point_tells_no_activation():
    zeros, g = np.zeros(50), np.linspace(1, 2, 50)
    for slope in (0.0, 0.5, 1.0):
        assert recognized(Sample(zeros, zeros, g, slope * g)) is None
