"""A member's result is its own: whatever trains beside it, one compilation for all."""

import dataclasses

import numpy as np
import pytest

from gradgauge.engine import train as engine
from gradgauge.engine.programs import STORE
from gradgauge.engine.train import Entry, train
from gradgauge.spec.notation import parse
from gradgauge.spec.training import TrainingSpec

TRAINING = TrainingSpec(batch_size=40, epochs=2, learning_rate=0.01, seeds=(3,))


def entry(activation, **training):
    return Entry(activation, parse(f"12-8x4-3 {activation}"), TRAINING.replace(**training))


def figures(run, member=0):
    """Every array of a member, as bytes: equal means equal bit for bit."""
    groups = [*run.groups.values(), run.members]
    return [a[member].tobytes() for g in groups for _, a in g.variables.values()]


@pytest.fixture(scope="module")
def alone(blobs):
    return train([entry("relu")], blobs).runs[0]


def test_bits_do_not_depend_on_other_activations(blobs, alone):
    beside = train([entry("sigmoid"), entry("relu"), entry("tanh")], blobs).runs[1]
    assert figures(beside) == figures(alone)


def test_bits_do_not_depend_on_other_seeds_and_rates(blobs, alone):
    entries = [entry("relu", learning_rate=0.5), entry("relu", seeds=(1, 3, 7))]
    beside = train(entries, blobs).runs[1]
    assert figures(beside, member=1) == figures(alone)


def test_one_seed_gives_one_result(blobs, alone):
    assert figures(train([entry("relu")], blobs).runs[0]) == figures(alone)
    other = train([entry("relu", seeds=(4,))], blobs).runs[0]
    assert figures(other) != figures(alone)


def test_members_that_differ_in_seed_scale_rate_and_activation_share_one_program(blobs):
    network = parse("12-7x5-3 relu")
    entries = [
        Entry("a", network, TRAINING.replace(seeds=(0, 1))),
        Entry("b", network.replace(scale=2.0), TRAINING),
        Entry("c", network, TRAINING.replace(learning_rate=0.1)),
        Entry("d", network.with_activation("sigmoid"), TRAINING),
    ]
    before = len(STORE._programs)
    train(entries, blobs)
    train(entries, blobs)
    assert len(STORE._programs) == before + 1


def test_vmap_gives_the_same_training(blobs, monkeypatch):
    entries = [entry("sigmoid", seeds=(0, 1, 2), dtype="float64")]
    threads = train(entries, blobs).runs[0]
    monkeypatch.setattr(engine, "block_size", lambda network, training: 2)
    blocks = train(entries, blobs).runs[0]
    assert blocks.seeds == threads.seeds
    for name, group in threads.groups.items():
        for variable, (_, expected) in group.variables.items():
            np.testing.assert_allclose(
                blocks.values(name, variable), expected, rtol=1e-6, atol=1e-12, err_msg=variable
            )


def test_the_first_layers_weights_follow_the_seed_alone(blobs):
    """Common random numbers: two activations of one seed start from the same weights."""
    runs = train([entry("relu"), entry("sigmoid")], blobs).runs
    norms = [run.values("probes", "weight_norm")[0, 0] for run in runs]
    np.testing.assert_array_equal(*norms)


def test_runs_are_handed_over_as_they_complete(blobs):
    seen = {}
    entries = [entry("relu"), entry("tanh", seeds=(0, 1))]
    trained = train(entries, blobs, on_run=lambda index, run: seen.update({index: run}))
    assert sorted(seen) == [0, 1]
    for index, run in seen.items():
        assert figures(run) == figures(trained.runs[index])


def test_progress_ends_at_all_steps(blobs):
    calls = []
    train([entry("relu", seeds=(0, 1))], blobs, on_progress=lambda *x: calls.append(x))
    done, total = zip(*calls, strict=True)
    assert set(total) == {2 * 2 * 5}
    assert list(done) == sorted(done)
    assert done[-1] == total[-1]


def test_a_training_that_overflows_names_step_and_layer(blobs):
    run = train([entry("linear", learning_rate=1e30, optimizer="sgd")], blobs).runs[0]
    step, layer = run.figure("non_finite_step")[0], run.figure("non_finite_layer")[0]
    assert 1 <= step <= 3
    assert 1 <= layer <= 5
    losses = run.values("steps", "loss")[0]
    assert np.isfinite(losses[:step]).all()
    assert run.figure("steps_done")[0] == step


def test_inputs_that_overflow_are_the_first_layers_fault(blobs):
    data = dataclasses.replace(blobs, x_train=blobs.x_train * 1e38)
    run = train([entry("relu")], data).runs[0]
    assert run.figure("non_finite_step")[0] == 0
    assert run.figure("non_finite_layer")[0] == 1


def test_one_member_failing_leaves_the_others_alone(blobs, alone):
    entries = [entry("linear", learning_rate=1e30, optimizer="adam"), entry("relu")]
    assert figures(train(entries, blobs).runs[1]) == figures(alone)


def test_regression_has_no_accuracy(numbers):
    training = TRAINING.replace(loss="mse", batch_size=16)
    run = train([Entry("tanh", parse("5-8x2-2 tanh"), training)], numbers).runs[0]
    assert np.isnan(run.figure("test_accuracy")).all()
    assert np.isnan(run.values("epochs", "accuracy")).all()
    losses = run.values("epochs", "loss")[0]
    assert losses[-1] < losses[0]


def test_a_ragged_last_batch_counts_every_sample_once(blobs):
    """Loss over an epoch is the mean over samples, so a rate of next to nothing must give the
    loss at the initial weights, whatever the batch size."""
    means = []
    for size in (200, 64, 30):
        training = TRAINING.replace(batch_size=size, epochs=1, learning_rate=1e-12)
        run = train([Entry("tanh", parse("12-8x4-3 tanh"), training)], blobs).runs[0]
        means.append(run.values("epochs", "loss")[0, 0])
    np.testing.assert_allclose(means, means[0], rtol=1e-5)


@pytest.mark.parametrize("depth", [200, 1000])
def test_great_depth_runs_through_one_block(blobs, depth):
    network = parse(f"12-8x{depth}-3 relu init=he_normal skip=2 norm=layer")
    run = train([Entry("deep", network, TRAINING.replace(epochs=1))], blobs).runs[0]
    assert run.values("probes", "delta_norm").shape[-1] == depth + 1
    assert np.isfinite(run.values("steps", "loss")).all()
