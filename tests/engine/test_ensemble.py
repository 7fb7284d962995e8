"""A member's result is its own: whoever ran beside it, under whichever program."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator

import numpy as np
import pytest

from gradgauge.datasets import Dataset
from gradgauge.engine import ensemble, programs
from gradgauge.engine import work as engine
from gradgauge.engine.terms import Entry
from gradgauge.engine.train import compile_for, train
from gradgauge.spec.notation import parse
from tests.engine.members import (
    TRAINING,
    assert_bit_for_bit,
    entry,
    of_member,
    run_of,
)

THREE = ("sigmoid", "relu", "tanh")


@pytest.fixture(scope="module")
def alone(blobs: Dataset):
    return run_of(blobs, entry("relu", seeds=(0,)))[0]


def test_bit_for_bit_whoever_ran_beside_it(blobs: Dataset, alone) -> None:
    seeds = (2, 0, 1)
    beside = run_of(blobs, *(entry(name, seeds=seeds) for name in THREE))
    assert [run.name for run in beside] == ["sigmoid", "relu", "tanh"]
    assert beside[1].seeds == list(seeds)
    assert_bit_for_bit(of_member(beside[1], 0), of_member(alone, 0))


def test_bit_for_bit_again(blobs: Dataset, alone) -> None:
    again = run_of(blobs, entry("relu", seeds=(0, 3)))[0]
    assert_bit_for_bit(of_member(again, 0), of_member(alone, 0))
    assert again.figure("test_loss")[0] != again.figure("test_loss")[1]


def test_networks_of_one_seed_see_the_same_batches(blobs: Dataset) -> None:
    """With all weights zero the outputs are the output layer's biases, whatever the activation: a
    step's loss tells the classes in its batch."""
    training = TRAINING.replace(learning_rate=1e-9)
    networks = [parse(f"12-6x3-3 {name} init=zeros bias_std=1") for name in THREE]
    runs = run_of(blobs, *(Entry("zeros", network, training) for network in networks))
    losses = [run.values("steps", "loss")[0] for run in runs]
    assert len(set(losses[0].round(4).tolist())) > 3
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-6)
    np.testing.assert_allclose(losses[2], losses[0], rtol=1e-6)


def test_networks_of_one_seed_begin_with_the_same_weights(blobs: Dataset) -> None:
    """Common random numbers, so that activations are compared and not draws."""
    runs = run_of(blobs, *(entry(name) for name in THREE))
    norms = [run.values("probes", "weight_norm")[0, 0] for run in runs]
    np.testing.assert_array_equal(norms[0], norms[1])
    np.testing.assert_array_equal(norms[0], norms[2])


def test_one_compilation_for_many_members_and_for_a_second_training(
    blobs: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Members that differ in seed, initial scale, rate or activation share a program."""
    programs.STORE._programs.clear()  # Of many from earlier trainings it would drop these, too.
    compiled = []
    compile_programs = programs.compile_programs

    def counting(key, *arguments):
        compiled.append(key)
        return compile_programs(key, *arguments)

    monkeypatch.setattr(programs, "compile_programs", counting)
    scaled = Entry("scaled", parse("12-6x3-3 elu scale=2 init=orthogonal"), TRAINING)
    mixed = Entry("mixed", parse("12-6x2:elu-6:silu-3"), TRAINING.replace(learning_rate=0.5))
    run_of(blobs, entry("elu", seeds=(0, 1, 2)), entry("silu"), scaled, mixed)
    assert len(compiled) == 1
    run_of(blobs, entry("elu", learning_rate=0.1, epochs=1), entry("silu", seeds=(9,)))
    assert len(compiled) == 1


def test_what_is_compiled_ahead_is_what_a_training_asks_for(
    blobs: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def load_or_compile(what, compile_):
        asked.append(repr(what))
        return compile_()

    monkeypatch.setattr(programs, "load_or_compile", load_or_compile)
    monkeypatch.setattr(engine, "STORE", programs.ProgramStore())
    monkeypatch.setattr(ensemble, "STORE", programs.ProgramStore())
    entries = [entry("relu"), entry("tanh", seeds=(0, 1))]
    compile_for(entries, blobs)
    ahead, asked[:] = sorted(asked), []
    monkeypatch.setattr(ensemble, "STORE", programs.ProgramStore())
    train(entries, blobs)
    assert len(ahead) == 3
    assert sorted(asked) == ahead


def test_under_vmap_as_one_by_one(blobs: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a GPU runs in blocks: the same members, the same figures. Several activations, so that
    the switch between them becomes a choice; three seeds, so that the last block is smaller."""
    entries = [entry(name, seeds=(0, 1, 2), epochs=1) for name in THREE]
    one_by_one = train(entries, blobs).runs
    monkeypatch.setattr(engine, "block_size", lambda network, training, wanted: 2)  # noqa: ARG005
    in_blocks = train(entries, blobs).runs
    for single, block in zip(one_by_one, in_blocks, strict=True):
        assert block.seeds == single.seeds
        for seed in single.seeds:
            wanted, got = of_member(single, seed), of_member(block, seed)
            for name, value in wanted.items():
                np.testing.assert_allclose(got[name], value, rtol=2e-4, atol=1e-6, err_msg=name)


def test_runs_are_handed_over_as_they_complete(blobs: Dataset) -> None:
    seen = {}
    entries = [entry("relu"), entry("tanh", seeds=(0, 1)), entry("sigmoid")]
    trained = train(entries, blobs, on_run=lambda index, run: seen.update({index: run}))
    assert sorted(seen) == [0, 1, 2]
    for index, run in seen.items():
        for seed in run.seeds:
            assert_bit_for_bit(of_member(run, seed), of_member(trained.runs[index], seed))


def test_progress_rises_to_all_steps(blobs: Dataset) -> None:
    told = []
    train([entry("relu", seeds=(0, 1))], blobs, lambda *steps: told.append(steps))
    done, total = zip(*told, strict=True)
    assert set(total) == {2 * 2 * 5}
    assert list(done) == sorted(done)
    assert done[-1] == total[-1]


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Python's own handler: a shell lets what it starts in the background ignore Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_keeps_what_was_done(blobs: Dataset) -> None:
    told = []

    def on_progress(done: int, total: int) -> None:
        if not told:
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        told.append((done, total))

    trained = train([entry("relu", seeds=(0, 1), epochs=2_000)], blobs, on_progress)
    assert trained.interrupted
    (run,) = trained.runs
    done = run.figure("steps_done")
    assert 0 < done.max() < 10_000
    row = run.values("steps", "weight_norm")[int(np.argmax(done))]
    kept = run.groups["steps"].coords["step"]
    assert np.isfinite(row[kept < done.max()]).all()
    assert np.isnan(row[kept >= done.max()]).all()
    assert told[-1][1] == 2 * 10_000
