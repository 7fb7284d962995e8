"""A training that is looked at: the same bits as one that is left alone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from gradgauge.datasets import Dataset
from gradgauge.engine.live import LiveTraining
from gradgauge.engine.terms import Entry
from gradgauge.engine.train import train
from gradgauge.engine.work import device_data
from gradgauge.spec.network import NetworkSpec
from gradgauge.spec.training import TrainingSpec

POOL = ThreadPoolExecutor(2)


def entries(norm: str = "none", **training: object) -> list[Entry]:
    spec = TrainingSpec(batch_size=32, epochs=3, seeds=(0, 3), **training)
    networks = [NetworkSpec.uniform(12, 4, 8, 3, name, norm=norm) for name in ("relu", "sigmoid")]
    return [Entry(network.activations[0], network, spec) for network in networks]


def live(asked: list[Entry], data: Dataset) -> LiveTraining:
    return LiveTraining(asked, data, device_data(data, "float32"))


@pytest.mark.parametrize("norm", ["none", "batch"])
def test_steps_in_any_portions_are_the_training_itself(blobs: Dataset, norm: str) -> None:
    asked = entries(norm)
    alone = train(asked, blobs).runs
    looked_at = live(asked, blobs)
    looked_at.probe(POOL)
    for until in (1, 2, 3, 5, 9, 14, 20, 21):
        looked_at.advance(until, POOL)
        looked_at.probe(POOL)
    looked_at.evaluate(POOL)
    assert not looked_at.goes_on
    for ours, theirs in zip(looked_at.runs(), alone, strict=True):
        for group in ("steps", "probes", "epochs"):
            for name, (_, values) in theirs.groups[group].variables.items():
                np.testing.assert_array_equal(ours.values(group, name), values, err_msg=name)
        np.testing.assert_array_equal(ours.figure("test_accuracy"), theirs.figure("test_accuracy"))


def test_what_a_call_says_of_its_steps_is_what_the_run_keeps(blobs: Dataset) -> None:
    looked_at = live(entries(), blobs)
    looked_at.advance(6, POOL)
    moved = looked_at.advance(9, POOL)[1]
    run = looked_at.runs()[1]
    np.testing.assert_array_equal(moved.loss, run.values("steps", "loss")[:, 6:9])
    np.testing.assert_array_equal(
        moved.update_ratio, run.values("steps", "update_ratio")[:, 8].astype(float)
    )
    assert ((moved.accuracy >= 0) & (moved.accuracy <= 1)).all()


def test_another_rate_holds_from_the_next_step_on(blobs: Dataset) -> None:
    changed, left = live(entries(), blobs), live(entries(), blobs)
    for one in (changed, left):
        one.advance(5, POOL)
    changed.set_rate(0, 1e-1)
    ours, theirs = changed.advance(6, POOL), left.advance(6, POOL)
    np.testing.assert_array_equal(ours[0].loss, theirs[0].loss)
    np.testing.assert_allclose(ours[0].update_ratio, 100 * theirs[0].update_ratio, rtol=1e-3)
    np.testing.assert_array_equal(ours[1].update_ratio, theirs[1].update_ratio)


def test_a_layers_signals_are_what_its_gauges_measure(blobs: Dataset) -> None:
    looked_at = live(entries(), blobs)
    gauges = looked_at.probe(POOL)[1]
    shown = looked_at.signals(1, 3, looked_at.weights(1), len(blobs.y_train))
    np.testing.assert_allclose(
        np.linalg.norm(shown["delta"]), gauges["delta_norm"][0, 2], rtol=1e-5
    )
    np.testing.assert_allclose(shown["z"].std(), gauges["z_std"][0, 2], rtol=1e-4)
    np.testing.assert_allclose(
        np.linalg.norm(shown["weight"]), gauges["weight_norm"][0, 2], rtol=1e-5
    )


def test_where_a_training_broke_off_is_said(blobs: Dataset) -> None:
    looked_at = live(entries(optimizer="sgd", learning_rate=1e30), blobs)
    looked_at.advance(8, POOL)
    assert looked_at.broken_off(0) is not None
    assert np.isnan(looked_at.probe(POOL)[0]["delta_norm"]).all()
