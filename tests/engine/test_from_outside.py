"""What others do with a training: stop it, listen to it, be told of it, run two at once."""

from __future__ import annotations

import itertools
import threading
import time

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from gradgauge.datasets import Dataset
from gradgauge.engine import programs
from gradgauge.engine.train import train
from gradgauge.errors import InvalidValue
from gradgauge.gauges import PROBE_QUANTITIES, STEP_QUANTITIES
from tests.engine.members import entry

ENDLESS = 200_000


class Heard:
    """A listener that keeps what it is told."""

    def __init__(self, on_step=None):
        self.events, self.attributes, self.layers, self.run = [], {}, [], None
        self._on_step = on_step

    def opened(self, layers, attributes):
        self.layers, self.attributes = layers, attributes

    def recorded(self, group, step, values):
        self.events.append((group, step, dict(values)))
        if self._on_step and group == "steps":
            self._on_step()

    def closed(self, run):
        self.run = run

    def of(self, group):
        return {step: values for name, step, values in self.events if name == group}


def test_another_thread_ends_a_training_and_what_is_done_is_kept(blobs: Dataset):
    stop = threading.Event()
    results = []

    def work():
        begun = Heard(stop.set)
        one = entry("relu", seeds=(0,), epochs=ENDLESS)
        results.append(train([one], blobs, stop=stop, listeners=[begun]))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(timeout=120)

    assert not thread.is_alive()
    [result] = results
    done = int(result.runs[0].figure("steps_done")[0])
    assert result.interrupted
    assert 0 < done < ENDLESS
    assert np.isfinite(result.runs[0].figure("test_loss")).all()
    plain = train([entry("relu", seeds=(0,), epochs=1)], blobs).runs[0]
    kept = min(done, plain.values("steps", "loss").shape[1])
    stride = result.runs[0].groups["steps"].coords["step"][1]
    shown = result.runs[0].values("steps", "loss")[0, 0]
    assert stride >= 1 and kept > 0
    assert shown == plain.values("steps", "loss")[0, 0]


def test_a_training_that_was_complete_is_not_interrupted(blobs: Dataset):
    stop = threading.Event()
    handed = []

    def on_run(number, run):  # noqa: ARG001
        handed.append(number)
        stop.set()

    result = train([entry("relu", seeds=(0,), epochs=1)], blobs, on_run=on_run, stop=stop)

    assert handed == [0]
    assert not result.interrupted


def test_a_stop_that_is_set_before_keeps_an_empty_run(blobs: Dataset):
    stop = threading.Event()
    stop.set()
    result = train([entry("relu", seeds=(0,), epochs=1)], blobs, stop=stop)
    assert result.interrupted
    assert result.runs[0].seeds == []


def test_a_listener_hears_what_the_run_keeps(blobs: Dataset):
    heard = Heard()
    one = entry("tanh", seeds=(3,), epochs=2)
    run = train([one], blobs, listeners=[heard]).runs[0]

    assert [layer.name for layer in heard.layers] == [
        str(n) for n in range(1, one.network.depth + 2)
    ]
    assert heard.attributes["name"] == one.name
    steps = heard.of("steps")
    assert sorted(steps) == run.groups["steps"].coords["step"].tolist()
    for name in STEP_QUANTITIES:
        assert_array_equal(
            np.stack([steps[s][name] for s in sorted(steps)]), run.values("steps", name)[0]
        )
    probes = heard.of("probes")
    assert sorted(probes) == run.groups["probes"].coords["probe_step"].tolist()
    for name in PROBE_QUANTITIES:
        assert_array_equal(
            np.stack([probes[s][name] for s in sorted(probes)]), run.values("probes", name)[0]
        )
    epochs = heard.of("epochs")
    assert [epochs[e]["loss"] for e in (1, 2)] == run.values("epochs", "loss")[0].tolist()
    assert heard.run is not None
    assert heard.run.seeds == [3]
    assert heard.run.figure("test_loss")[0] == run.figure("test_loss")[0]


def test_each_training_has_its_own_listeners(blobs: Dataset):
    entries = [entry(name, seeds=(0, 1), epochs=1) for name in ("relu", "tanh")]
    heard = {key: Heard() for key in itertools.product(range(2), range(2))}
    result = train(entries, blobs, listeners=lambda number, seed: [heard[number, seed]])
    for (number, seed), one in heard.items():
        run = result.runs[number]
        assert one.run is not None
        assert one.run.name == run.name
        at = run.seeds.index(seed)
        assert one.run.figure("test_loss")[0] == run.figure("test_loss")[at]


def test_one_sequence_of_listeners_is_not_for_several_trainings(blobs: Dataset):
    with pytest.raises(InvalidValue) as caught:
        train([entry("relu", seeds=(0, 1), epochs=1)], blobs, listeners=[Heard()])
    assert caught.value.field == "listeners"


def test_listening_changes_no_bit(blobs: Dataset):
    one = entry("relu", seeds=(0,), epochs=1)
    alone = train([one], blobs).runs[0]
    heard = train([one], blobs, listeners=[Heard()]).runs[0]
    assert_array_equal(alone.values("steps", "loss"), heard.values("steps", "loss"))


def test_progress_is_told_under_no_lock_and_never_goes_back(blobs: Dataset):
    """A callback that waited for another worker once waited for ever."""
    entries = [entry(name, seeds=(0, 1), epochs=4) for name in ("relu", "tanh")]
    told, others = [], threading.Event()

    def on_run(number, run):  # noqa: ARG001
        others.set()

    def on_progress(done, total):
        told.append((done, total))
        if len(told) == 1:
            others.wait(timeout=0.5)
            time.sleep(0.05)

    train(entries, blobs, on_progress, on_run)

    steps = [done for done, _ in told]
    assert steps == sorted(set(steps))
    assert told[-1][0] == told[-1][1]


def test_two_trainings_at_once_do_not_pay_for_each_others_compilation(
    blobs: Dataset, monkeypatch: pytest.MonkeyPatch
):
    slow, real = threading.Event(), programs.compile_programs

    def compile_programs(key, batched, arguments):
        if key.batch_size == 19:
            slow.set()
            time.sleep(1.0)
        return real(key, batched, arguments)

    one = entry("relu", seeds=(0,), epochs=1)
    train([one], blobs)  # Its programs are there.
    monkeypatch.setattr(programs, "compile_programs", compile_programs)
    other = entry("relu", seeds=(0,), epochs=1, batch_size=19)
    results = []
    thread = threading.Thread(target=lambda: results.append(train([other], blobs)))
    thread.start()
    assert slow.wait(timeout=60)
    mine = train([one], blobs)
    thread.join(timeout=60)

    assert mine.seconds["compile"] == 0
    assert results[0].seconds["compile"] >= 1
