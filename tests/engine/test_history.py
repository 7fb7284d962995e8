"""What is kept of a long training: bounded whatever its length, by a stated rule."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradgauge.datasets import Dataset
from gradgauge.engine import limits
from gradgauge.engine.limits import (
    EARLY_SHARE,
    LEAST_EARLY,
    MOST_BYTES,
    MOST_PROBES,
    MOST_STEPS,
    schedule,
)
from gradgauge.gauges import STEP_QUANTITIES
from tests.engine.members import entry, run_of

per_epoch, epochs, layers = st.integers(1, 5_000), st.integers(1, 2_000), st.integers(2, 1_001)
members, itemsize = st.integers(1, 1_000), st.sampled_from([4, 8])
probe = st.floats(0.01, 1_000)


@given(per_epoch, epochs, layers, members, itemsize, probe)
def test_bounds_hold(per_epoch, epochs, layers, members, itemsize, probe) -> None:
    when = schedule(per_epoch, epochs, layers, members, itemsize, probe)
    total = per_epoch * epochs
    assert len(when.kept) <= MOST_STEPS
    row = members * layers * len(STEP_QUANTITIES) * itemsize
    # One step is always kept, however large.
    assert len(when.kept) == 1 or (len(when.kept) - 1) * row <= MOST_BYTES
    assert len(when.probes) <= MOST_PROBES
    assert when.probes[0] == 0
    assert when.probes[-1] == total
    assert list(when.probes) == sorted(set(when.probes))


@given(per_epoch, epochs, layers, members, itemsize)
def test_the_stride_is_the_least_that_keeps_the_bounds(
    per_epoch, epochs, layers, members, itemsize
) -> None:
    when = schedule(per_epoch, epochs, layers, members, itemsize, 2.5)
    total = per_epoch * epochs
    np.testing.assert_array_equal(np.diff(when.kept), when.stride)
    assert when.kept[0] == 0
    if when.stride > 1:
        rows = total / (when.stride - 1)
        size = rows * members * layers * len(STEP_QUANTITIES) * itemsize
        assert rows > MOST_STEPS or size > MOST_BYTES


def test_the_practical_keeps_every_step_and_probes_early_and_at_epoch_ends() -> None:
    when = schedule(150, 5, 11, 10, 4, 2.5)
    assert when.kept.tolist() == list(range(750))
    assert when.probes == (0, 1, 2, 4, 8, 16, 32, 64, 128, 150, 300, 450, 600, 750)


def test_a_short_training_is_probed_less_often_within_its_epoch() -> None:
    """One epoch of the practical: eight probes of 1,000 samples would be .13 of 60,000."""
    assert schedule(150, 1, 11, 10, 4, 2.5).probes == (0, 1, 4, 16, 64, 150)
    assert schedule(150, 1, 11, 10, 4, 1.0).probes == (0, 1, 2, 4, 8, 16, 32, 64, 128, 150)
    assert schedule(600, 1, 11, 10, 4, 100.0).probes == (0, 1, 8, 64, 512, 600)


@given(per_epoch, st.integers(1, 20), probe)
def test_probes_within_the_epoch_take_their_share_at_most_or_are_few(
    per_epoch, epochs, probe
) -> None:
    when = schedule(per_epoch, epochs, 11, 1, 4, probe)
    early = [p for p in when.probes if 0 < p < per_epoch]
    assert len(early) * probe <= EARLY_SHARE * when.total or len(early) < 2 * LEAST_EARLY


def test_thinned_steps_are_some_of_all_steps(
    blobs: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    (whole,) = run_of(blobs, entry(epochs=3))
    monkeypatch.setattr(limits, "MOST_STEPS", 5)
    (thinned,) = run_of(blobs, entry(epochs=3))
    assert thinned.groups["steps"].coords["step"].tolist() == [0, 3, 6, 9, 12]
    for name in (*STEP_QUANTITIES, "loss"):
        np.testing.assert_array_equal(
            thinned.values("steps", name), whole.values("steps", name)[:, ::3]
        )
    np.testing.assert_array_equal(thinned.values("epochs", "loss"), whole.values("epochs", "loss"))


def test_segments_do_not_show(blobs: Dataset) -> None:
    """Five steps an epoch, probes after 1, 2, 4 and 5: calls of 1, 1, 2 and 1 steps. The kept
    steps are whole all the same, and the probe after the last step is of the final weights."""
    (run,) = run_of(blobs, entry(epochs=2))
    assert run.groups["probes"].coords["probe_step"].tolist() == [0, 1, 2, 4, 5, 10]
    assert np.isfinite(run.values("steps", "weight_norm")).all()
    norms, probed = run.values("steps", "weight_norm")[0], run.values("probes", "weight_norm")[0]
    np.testing.assert_allclose(probed[:5], norms[[0, 1, 2, 4, 5]], rtol=1e-6)
