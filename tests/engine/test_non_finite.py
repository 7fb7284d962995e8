"""A training that turns non-finite is a result: step, layer, and all that was done before."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from gradgauge.datasets import Dataset
from gradgauge.engine import work as engine
from gradgauge.engine.terms import Entry
from gradgauge.spec.notation import parse
from tests.engine.members import TRAINING, entry, run_of


def changed(dataset: Dataset, factor: float) -> Dataset:
    return dataclasses.replace(dataset, x_train=dataset.x_train * factor)


def test_a_huge_rate_names_the_step_and_the_layer(blobs: Dataset) -> None:
    """Adam's first update makes every weight about 1e30: at step 1 z of layer 1 is about 1e31, and
    z of layer 2, 1e61, is beyond float32. A neighbor at a sane rate is not touched."""
    run, fine = run_of(blobs, entry(learning_rate=1e30), entry(seeds=(5,)))
    assert run.figure("non_finite_step").tolist() == [1]
    assert run.figure("non_finite_layer").tolist() == [2]
    assert run.figure("steps_done").tolist() == [1]
    gradients = run.values("steps", "weight_grad_norm")[0]
    assert np.isfinite(gradients[0]).all()
    assert not np.isfinite(gradients[1]).all()
    assert np.isnan(gradients[2:]).all()
    assert np.isfinite(run.values("probes", "delta_norm")[0, 0]).all()
    assert np.isnan(run.values("epochs", "loss")).all()
    assert fine.figure("non_finite_step").tolist() == [-1]
    assert fine.figure("non_finite_layer").tolist() == [-1]
    assert fine.figure("steps_done").tolist() == [10]
    assert np.isfinite(fine.values("epochs", "loss")).all()


def test_inputs_that_overflow_name_the_first_layer(blobs: Dataset) -> None:
    (run,) = run_of(changed(blobs, 1e38), entry())
    assert run.figure("non_finite_step").tolist() == [0]
    assert run.figure("non_finite_layer").tolist() == [1]
    assert run.figure("steps_done").tolist() == [0]


def test_a_loss_that_overflows_names_the_output_layer(numbers: Dataset) -> None:
    """Targets of 1e30: every signal is finite, only their square is not."""
    huge = dataclasses.replace(numbers, y_train=numbers.y_train * 1e30)
    training = TRAINING.replace(loss="mse", batch_size=16)
    (run,) = run_of(huge, Entry("mse", parse("5-6x3-2 tanh"), training))
    assert run.figure("non_finite_step").tolist() == [0]
    assert run.figure("non_finite_layer").tolist() == [4]


def test_steps_are_counted_over_epochs(blobs: Dataset) -> None:
    """A rate at which Adam's updates grow the weights past float32 only after some steps: the
    step is the first whose recorded gradient is not finite, epochs counted through."""
    steps = []
    for rate in (1e9, 1e7, 1e5):
        (run,) = run_of(blobs, entry("linear", learning_rate=rate, epochs=40))
        step = int(run.figure("non_finite_step")[0])
        bad = ~np.isfinite(run.values("steps", "weight_grad_norm")[0]).all(axis=-1)
        assert step == (int(np.argmax(bad)) if bad.any() else -1)
        assert run.figure("steps_done")[0] == (step if bad.any() else 200)
        steps.append(step)
    assert max(steps) > 0


def test_under_vmap_a_failing_member_leaves_the_others_alone(
    blobs: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Members that break off at different steps, or never, in one block: each ends where it does
    alone, in the state before its bad step."""
    entries = [entry("linear", learning_rate=rate, epochs=12) for rate in (1e-3, 1e30, 1e9)]
    one_by_one = run_of(blobs, *entries)
    monkeypatch.setattr(engine, "block_size", lambda network, training, wanted: 3)  # noqa: ARG005
    in_a_block = run_of(blobs, *entries)
    for single, block in zip(one_by_one, in_a_block, strict=True):
        for name in ("non_finite_step", "non_finite_layer", "steps_done"):
            assert block.figure(name).tolist() == single.figure(name).tolist()
        np.testing.assert_allclose(
            block.values("steps", "weight_norm"),
            single.values("steps", "weight_norm"),
            rtol=2e-4,
        )
        np.testing.assert_allclose(block.figure("test_loss"), single.figure("test_loss"), rtol=2e-4)
    assert one_by_one[0].figure("non_finite_step").tolist() == [-1]
    assert in_a_block[1].figure("non_finite_step").tolist() == [1]
