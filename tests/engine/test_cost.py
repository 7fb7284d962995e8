"""How long it will take is said before it starts, and what cannot fit is refused, by every command."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import gradgauge as gg
from gradgauge.cli.progress import Progress
from gradgauge.datasets import Dataset
from gradgauge.engine import cost, limits
from gradgauge.engine.terms import Entry
from gradgauge.errors import TooLarge
from gradgauge.listening import expect
from gradgauge.machine import is_out_of_memory
from gradgauge.spec.notation import parse
from gradgauge.spec.training import TrainingSpec


class Follower:
    """Notes what is told, in order."""

    def __init__(self):
        self.told = []

    def __call__(self, done, total):  # noqa: ARG002
        self.told.append("progress")

    def expect(self, seconds):
        assert 0 < seconds < 3600
        self.told.append("expected")


def dataset():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 4)).astype("f4"), (np.arange(60) % 2).astype("i4")
    return Dataset("made", x, y, x, y, "0", (4,))


def test_twice_the_epochs_or_members_take_about_twice_as_long():
    network, once = parse("784-64x10-10 relu"), TrainingSpec(epochs=10)
    alone = cost.entries_seconds([Entry("a", network, once)], 60_000)
    longer = cost.entries_seconds([Entry("a", network, once.replace(epochs=20))], 60_000)
    assert longer == pytest.approx(2 * alone, rel=0.2)  # One program is compiled.
    many = Entry("a", network, once.replace(seeds=tuple(range(64))))
    assert cost.entries_seconds([many], 60_000) > alone


def test_each_program_is_compiled_once(monkeypatch):
    monkeypatch.setattr(cost, "additions", lambda: 1e10)
    monkeypatch.setattr(cost, "cores", lambda: 1)
    brief = TrainingSpec(epochs=1)

    def seconds(*notations):
        entries = [Entry(n, parse(n), brief) for n in notations]
        return cost.entries_seconds(entries, 4_000)

    alone = seconds("8-4x3-2 relu")
    # Activations are arguments of one program; widths are not.
    assert seconds("8-4x3-2 relu", "8-4x3-2 tanh") < 1.1 * alone
    assert seconds("8-4x3-2 relu", "8-5x3-2 relu") > 1.9 * alone


def test_work_counts_a_product_forward_and_two_back():
    """Of a wide network and whole batches nearly all is products: width squared, rows and steps."""
    training = TrainingSpec(batch_size=10_000, epochs=50)
    narrow, wide = (
        cost.work(parse(f"{w}-{w}x3-{w} relu"), training, 10_000) for w in (4_000, 8_000)
    )
    assert wide == pytest.approx(4 * narrow, rel=0.05)


def test_what_runs_beside_it_does_not_make_the_machine_slow(monkeypatch):
    """Timed by the clock on the wall, a busy machine was thought thirty times as slow."""
    moments = itertools.count()
    monkeypatch.setattr(cost.time, "thread_time", lambda: 0.004 * next(moments))
    monkeypatch.setattr(cost.time, "perf_counter", None)
    cost.additions.cache_clear()
    assert cost.additions() == pytest.approx(2**22 / 0.004)
    cost.additions.cache_clear()


@pytest.mark.parametrize(
    "run",
    [
        lambda told: gg.compare("4-3-2 relu", dataset=dataset(), batch_size=20, on_progress=told),
        lambda told: gg.why(
            "4-3-2 sigmoid", dataset=dataset(), seeds=1, epochs=1, batch_size=20, on_progress=told
        ),
    ],
    ids=["compare", "why"],
)
def test_engine_commands_say_it_before_they_start(run):
    follower = Follower()
    run(follower)
    assert follower.told[0] == "expected" and follower.told.count("expected") == 1


def test_what_cannot_be_trained_is_refused_before_a_time_is_told(monkeypatch):
    monkeypatch.setattr(limits, "free_memory", lambda: 10.0)
    follower = Follower()
    with pytest.raises(TooLarge):
        gg.compare("4-3-2 relu", dataset=dataset(), batch_size=20, on_progress=follower)
    assert follower.told == []


def test_measuring_says_it_before_it_starts():
    from gradgauge.study.theory.measure import measure_activation
    from gradgauge.theory import predict

    follower = Follower()
    measure_activation(predict("tanh", 1.5, 0.1), 20, 3, (0, 1), 4, on_progress=follower)
    assert follower.told[0] == "expected" and follower.told.count("expected") == 1


def _torch():
    import torch

    model = torch.nn.Linear(4, 2)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    return model, torch.nn.CrossEntropyLoss(), optimizer


def test_own_networks_say_it_and_are_refused(monkeypatch):
    torch = pytest.importorskip("torch")
    data, follower = dataset(), Follower()
    given = {"x": data.x_train, "y": data.y_train, "epochs": 1, "batch_size": 20}
    gg.compare(_torch, **given, on_progress=follower)
    assert follower.told[0] == "expected"

    x, y = torch.as_tensor(data.x_train), torch.as_tensor(data.y_train, dtype=torch.int64)
    follower = Follower()
    gg.diagnose(*_torch(), x=x, y=y, epochs=1, on_progress=follower)
    assert follower.told[0] == "expected"

    monkeypatch.setattr(limits, "free_memory", lambda: 10.0)
    with pytest.raises(TooLarge) as caught:
        gg.compare(_torch, **given)
    assert caught.value.needs == 4 * 4 * 10
    with pytest.raises(TooLarge) as caught:
        gg.diagnose(*_torch(), x=x, y=y, epochs=1)
    assert caught.value.needs == 4 * 4 * 10


def test_the_command_line_says_what_takes_long_and_nothing_of_what_does_not(capsys):
    with Progress() as progress:
        expect(progress, 3.0)
        expect(progress, 600.0)
        expect(progress, 600.0)
    with Progress(quiet=True) as progress:
        expect(progress, 600.0)
    assert capsys.readouterr().err == "This will take about 10 min.\n"
    expect(None, 600.0)
    expect(lambda done, total: None, 600.0)  # noqa: ARG005


def test_without_an_estimate_the_pace_says_it_once(capsys, monkeypatch):
    now = [100.0]
    monkeypatch.setattr("gradgauge.cli.progress.time.monotonic", lambda: now[0])
    with Progress() as progress:
        for done in range(5):
            progress(done, 41)
            now[0] += 10
    assert capsys.readouterr().err == "about 6 min left.\n"


def test_what_was_announced_is_not_said_again_by_the_pace(capsys, monkeypatch):
    now = [100.0]
    monkeypatch.setattr("gradgauge.cli.progress.time.monotonic", lambda: now[0])
    with Progress() as progress:
        progress.announce("This takes about 8 s.")
        for done in range(5):
            progress(done, 41)
            now[0] += 10
    assert capsys.readouterr().err == "This takes about 8 s.\n"


class XlaRuntimeError(RuntimeError):
    """As XLA's own."""


class ResourceExhaustedError(Exception):
    """As TensorFlow's own."""


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError(), True),
        (XlaRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 9 bytes"), True),
        (RuntimeError("std::bad_alloc"), True),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), True),
        (RuntimeError("CUDA out of memory. Tried to allocate 20 GiB"), True),
        (ResourceExhaustedError("OOM when allocating tensor"), True),
        (RuntimeError("shapes do not match"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_out_of_memory_is_known_whoever_says_it(error, expected):
    assert is_out_of_memory(error) == expected
    outer = ValueError("it failed")
    outer.__cause__ = error
    assert is_out_of_memory(outer) == expected
