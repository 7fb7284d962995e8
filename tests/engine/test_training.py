"""Whole trainings: they learn, they are what Keras's fit gives, and their Run holds it all."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from gradgauge.datasets import Dataset
from gradgauge.engine.initial import read_initial
from gradgauge.engine.terms import Entry
from gradgauge.errors import InvalidValue
from gradgauge.gauges import PROBE_QUANTITIES, STEP_QUANTITIES
from gradgauge.run import Run
from gradgauge.spec.notation import parse
from tests.engine.members import NETWORK, TRAINING, entry, run_of


@pytest.fixture(scope="module")
def trained(blobs: Dataset) -> Run:
    return run_of(blobs, entry("relu", epochs=40, seeds=(0, 1, 2)))[0]


def test_it_learns(trained: Run, blobs: Dataset) -> None:
    """As well as the best there is: the nearest class mean, for blobs of equal width."""
    centers = np.stack([blobs.x_train[blobs.y_train == k].mean(axis=0) for k in range(3)])
    distances = ((blobs.x_test[:, None] - centers) ** 2).sum(axis=-1)
    best = (distances.argmin(axis=1) == blobs.y_test).mean()
    assert trained.figure("test_accuracy").mean() > best - 0.1
    losses = trained.values("epochs", "loss")
    assert (losses[:, -1] < 0.3 * losses[:, 0]).all()
    assert trained.figure("steps_done").tolist() == [200] * 3


def test_the_run_holds_all_of_it(trained: Run) -> None:
    sizes = {"steps": (3, 200, 4), "probes": (3, len(set(trained.probes.probe_step.values)), 4)}
    for name in STEP_QUANTITIES:
        assert trained.values("steps", name).shape == sizes["steps"]
        assert np.isfinite(trained.values("steps", name)).all()
    for name in PROBE_QUANTITIES:
        assert trained.values("probes", name).shape == sizes["probes"]
    assert trained.values("epochs", "accuracy").shape == (3, 40)
    assert trained.attributes["notation"] == "12-6x3-3 relu"
    assert trained.attributes["parameters"] == NETWORK.parameters
    assert json.loads(trained.attributes["training"])["learning_rate"] == 0.01
    assert json.loads(trained.attributes["training"])["seeds"] == [0, 1, 2]


def test_the_run_of_a_training_comes_back_from_disk(trained: Run, tmp_path: Path) -> None:
    loaded = Run.load(trained.save(tmp_path / "relu.nc"))
    assert loaded.attributes == trained.attributes
    np.testing.assert_array_equal(
        loaded.values("probes", "delta_norm"), trained.values("probes", "delta_norm")
    )


def test_the_first_probe_is_of_the_initial_weights(trained: Run, blobs: Dataset) -> None:
    """Read apart from any training, in float64."""
    reading = read_initial(NETWORK, 1, blobs.x_train, blobs.y_train)
    for name, values in reading.gauges.items():
        np.testing.assert_allclose(
            trained.values("probes", name)[1, 0], values, rtol=2e-4, atol=1e-6, err_msg=name
        )


def test_gains_multiply_in_the_run(trained: Run) -> None:
    gains = [
        trained.values("probes", f"{kind}_gain")[..., :3]
        for kind in ("backward", "weight", "slope")
    ]
    np.testing.assert_allclose(gains[0], gains[1] * gains[2], rtol=1e-5)


def test_a_batch_beyond_the_data_is_refused(blobs: Dataset) -> None:
    with pytest.raises(InvalidValue) as caught:
        run_of(blobs, entry(batch_size=201))
    assert caught.value.field == "batch_size"


def test_regression_has_a_loss_and_no_accuracy(numbers: Dataset) -> None:
    training = TRAINING.replace(loss="mse", batch_size=16, epochs=30)
    (run,) = run_of(numbers, Entry("mse", parse("5-6x3-2 tanh"), training))
    losses = run.values("epochs", "loss")[0]
    assert losses[-1] < 0.7 * losses[0]
    assert np.isnan(run.values("epochs", "accuracy")).all()
    assert np.isnan(run.figure("test_accuracy")).all()
    assert np.isfinite(run.figure("test_loss")).all()


def test_a_change_of_the_initial_weights_is_made_before_training(blobs: Dataset) -> None:
    halved = dataclasses.replace(
        entry(), adjust=lambda p: tuple({**b, "weight": b["weight"] / 2} for b in p)
    )
    plain, changed = run_of(blobs, entry(), halved)
    np.testing.assert_allclose(
        changed.values("steps", "weight_norm")[0, 0],
        plain.values("steps", "weight_norm")[0, 0] / 2,
        rtol=1e-6,
    )
    assert changed.attributes["adjusted"] == 1


def test_bytes_mean_a_fraction_of_255(blobs: Dataset) -> None:
    rng = np.random.default_rng(0)
    x = {"x_train": rng.integers(0, 256, (200, 12)), "x_test": rng.integers(0, 256, (60, 12))}
    as_bytes = dataclasses.replace(blobs, **{k: v.astype(np.uint8) for k, v in x.items()})
    as_floats = dataclasses.replace(blobs, **{k: v / 255 for k, v in x.items()})
    (one,), (two,) = (run_of(data, entry(epochs=1)) for data in (as_bytes, as_floats))
    for name in STEP_QUANTITIES:
        np.testing.assert_allclose(one.values("steps", name), two.values("steps", name), rtol=1e-4)


def test_norms_whose_squares_underflow_are_right(blobs: Dataset) -> None:
    """A gradient of 1e-25 is a number in float32, its square is not."""
    network = parse("12-6x10-3 linear init=lecun_normal scale=0.003")
    single, double = run_of(
        blobs,
        *(
            Entry("small", network, TRAINING.replace(epochs=1, optimizer="sgd", dtype=dtype))
            for dtype in ("float32", "float64")
        ),
    )
    for name in ("weight_grad_norm", "update_ratio"):
        got, wanted = single.values("steps", name), double.values("steps", name)
        assert 0 < wanted.min() < 1e-20
        np.testing.assert_allclose(got, wanted, rtol=1e-4)
