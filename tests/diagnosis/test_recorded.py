"""What a watched training says of itself: the user's own loop, with and without its fault."""

from __future__ import annotations

import dataclasses
import io
import math
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
import torch
from click.testing import CliRunner
from torch import nn

import gradgauge
from gradgauge.cli.diagnose import command
from gradgauge.diagnosis.errors import CannotDiagnose
from gradgauge.diagnosis.finding import Finding
from gradgauge.diagnosis.rules import RULES
from gradgauge.errors import InvalidValue, UnknownName
from tests.diagnosis.loops import (
    CLASSES,
    batches,
    clear,
    data,
    faults,
    looping,
    network,
    watched,
)


def test_what_a_recording_cannot_answer_says_why_and_nothing_is_left_out() -> None:
    result = watched(looping(clear)).diagnose()
    said = {n.rule for n in result.not_applicable} | set(result.clean)
    said |= {f.rule for f in result.findings}
    assert said == {rule.name for rule in RULES}
    reasons = {n.rule: n.reason for n in result.not_applicable}
    assert reasons["loss-mismatch"] == "recorded.outputs"
    assert reasons["unscaled-input"] == "recorded.batches"
    assert reasons["batch-mixing"] == "recorded.experiments"
    for entry in result.not_applicable:
        for lang in ("en", "ko"):
            assert entry.sentence(lang)
    assert result.recorded
    assert result.to_json()["recorded"] is True


def test_a_signal_that_vanishes_while_the_loss_stays_at_guessing_is_named() -> None:
    model = network(10, nn.Sigmoid)
    result = watched(looping(clear, steps=120), model).diagnose()
    assert result.verdict == "failing"
    assert result.primary is not None
    assert result.primary.rule in ("vanishing-gradient", "signal-collapse")
    assert "loss-not-falling" in faults(result)


def test_a_converged_training_is_no_failing_one() -> None:
    """A second training of what has been learned: its loss is flat and low."""
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    looping(clear, steps=600)(Quiet(), model, optimizer)
    slow = torch.optim.Adam(model.parameters(), lr=1e-4)
    result = watched(looping(clear, steps=120), model, slow).diagnose()
    assert result.healthy, result
    assert result.verdict in ("unknown", "learning")


def test_a_fine_tuning_that_destroys_what_was_there_has_regressed() -> None:
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    looping(clear, steps=600)(Quiet(), model, optimizer)
    wild = torch.optim.Adam(model.parameters(), lr=2.0)
    result = watched(looping(clear, steps=60), model, wild).diagnose()
    assert "regressed" in faults(result)
    assert "learning-rate-too-high" in faults(result)


def test_a_layer_that_no_optimizer_has_is_named() -> None:
    model = network(3)
    optimizer = torch.optim.SGD([*model[0].parameters(), *model[6].parameters()], lr=0.1)
    result = watched(looping(clear), model, optimizer).diagnose()
    named = {f.layer: f for f in result.findings if f.rule == "unreached-layer"}
    assert set(named) == {"2", "4"}
    assert all(f.severity == "warning" for f in named.values())  # it learns all the same


def test_an_optimizer_of_another_copy_moves_nothing() -> None:
    model, other = network(), network()
    optimizer = torch.optim.SGD(other.parameters(), lr=0.1)
    result = watched(looping(lambda *_: model.zero_grad()), model, optimizer).diagnose()
    assert result.primary is not None
    assert result.primary.rule == "unreached-layer"
    assert result.primary.case == "nobody_moves"


def test_updates_lost_in_rounding_are_named() -> None:
    model = network().to(torch.bfloat16)

    def loop(watcher: Any, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        for _step, x, y in batches(24):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(x.bfloat16()), y)
            loss.backward()
            watcher.log(loss)
            optimizer.step()

    optimizer = torch.optim.SGD(model.parameters(), lr=1e-5)
    result = watched(loop, model, optimizer).diagnose()
    assert result.primary is not None
    assert (result.primary.rule, result.primary.case) == ("update-ratio", "still_all")


def test_a_saved_recording_says_the_same_on_the_command_line(tmp_path: Path) -> None:
    watcher = watched(looping())
    path = watcher.run.save(tmp_path / "watch.nc")
    saved = gradgauge.diagnose(gradgauge.Run.load(path))
    ours = watcher.diagnose()
    assert [dataclasses.asdict(f) for f in saved.findings] == [
        dataclasses.asdict(f) for f in ours.findings
    ]
    outcome = CliRunner().invoke(command, [str(path), "--json"], standalone_mode=False)
    assert outcome.return_value == 1
    assert '"stale-gradients"' in outcome.output
    healthy = watched(looping(clear)).run.save(tmp_path / "fine.nc")
    outcome = CliRunner().invoke(command, [str(healthy)], standalone_mode=False)
    assert outcome.return_value == 0, outcome.output


def test_options_of_a_training_have_no_place_beside_a_recording(tmp_path: Path) -> None:
    run = watched(looping(clear, steps=8)).run
    path = run.save(tmp_path / "watch.nc")
    outcome = CliRunner().invoke(command, [str(path), "--epochs", "3"], standalone_mode=False)
    assert isinstance(outcome.exception, InvalidValue)
    with pytest.raises(CannotDiagnose):
        gradgauge.diagnose(run, torch.zeros(3))  # type: ignore[call-overload]
    with pytest.raises(UnknownName):
        gradgauge.diagnose(run, off=["no-such-rule"])


@pytest.mark.parametrize(("loop", "named"), [(looping(), True), (looping(clear), False)])
def test_the_live_table_ends_with_the_first_finding(loop: Any, named: bool) -> None:
    from rich.console import Console

    out = io.StringIO()
    table = gradgauge.LiveTable(console=Console(file=out, width=400))
    watched(loop, to=[table])
    assert ("were not cleared" in out.getvalue()) is named
    assert ("no fault found" in out.getvalue()) is not named


def test_a_loss_that_nobody_told_leaves_the_verdict_open() -> None:
    def loop(_: Any, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        for _step, x, y in batches(20):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()

    result = watched(loop).diagnose()
    assert result.verdict == "unknown"
    assert {n.rule: n.reason for n in result.not_applicable}["loss-not-falling"] == "recorded.loss"


def test_the_rate_of_every_step_is_recorded() -> None:
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    watcher = watched(looping(clear, lambda *_: scheduler.step(), steps=5), model, optimizer)
    rates = watcher.run.values("steps", "learning_rate")[0]
    np.testing.assert_allclose(rates, [0.1 * 0.5**i for i in range(5)])


class Quiet:
    """Nobody watches."""

    def log(self, loss: Any) -> None:
        assert math.isfinite(float(loss.detach()))


@pytest.mark.parametrize("rate", [0.1, 0.0])
def test_a_keras_training_is_diagnosed_from_its_recording(rate: float) -> None:
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.layers.Input((8,)),
            keras.layers.Dense(16, "relu"),
            keras.layers.Dense(CLASSES, "softmax"),
        ]
    )
    model.compile(keras.optimizers.SGD(rate), "sparse_categorical_crossentropy")
    x, y = (t.numpy() for t in data())
    watcher = gradgauge.watch(model, every=1)
    model.fit(x, y, epochs=6, verbose=0, callbacks=[watcher])
    result = watcher.diagnose()
    reasons = {n.rule: n.reason for n in result.not_applicable}
    assert reasons["stale-gradients"] == "clears_itself"
    assert result.healthy is (rate > 0), result


def test_a_jax_training_is_diagnosed_from_its_recording() -> None:
    x, y = (jnp.asarray(t.numpy()) for t in data())
    draw = np.random.default_rng(0)
    params = {
        "a": jnp.asarray(draw.normal(size=(8, 16)) / 3, jnp.float32),
        "b": jnp.asarray(draw.normal(size=(16, CLASSES)) / 4, jnp.float32),
    }

    def loss(params: Any, x: Any, y: Any) -> Any:
        logits = jax.nn.relu(x @ params["a"]) @ params["b"]
        return -jnp.take_along_axis(jax.nn.log_softmax(logits), y[:, None], 1).mean()

    step = jax.jit(jax.value_and_grad(loss))
    with gradgauge.watch(loss, params, x, y, every=5) as watcher:
        for _ in range(60):
            value, grads = step(params, x, y)
            after = jax.tree.map(lambda p, g: p - 0.5 * g, params, grads)
            watcher.step(params, grads, new_params=after, loss=value)
            params = after
    result = watcher.diagnose()
    assert result.healthy, result
    assert result.verdict == "learning"


@pytest.mark.parametrize(
    ("total", "every", "cut"),
    [
        pytest.param(120, 8, True, id="made for steps, stepped once an epoch"),
        pytest.param(120, 1, False, id="made for steps, stepped at every one"),
        pytest.param(15, 8, False, id="made for epochs, stepped once an epoch"),
    ],
)
def test_a_cycle_that_was_stepped_once_an_epoch(total: int, every: int, cut: bool) -> None:
    def loop(_: Any, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total, cycle_momentum=False)
        for i, x, y in batches(118):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
            if i % every == every - 1:
                cycle.step()

    result = watched(loop).diagnose()
    found = [f for f in result.findings if f.rule == "learning-rate-too-low"]
    assert [(f.case, f.severity) for f in found] == ([("never_warm", "fault")] if cut else [])


def test_what_was_there_from_the_start_is_told_so():
    facts = {"activation": "tanh"}
    found = Finding("saturated-units", "fault", "share", "d", 0, 0.9, 0.5, facts=facts)
    assert "before training" in found.sentence()
    assert "학습 시작 시점에" in found.sentence("ko")
    later = dataclasses.replace(found, step=7)
    assert "at step 7" in later.sentence()
    assert "7번째 스텝에서" in later.sentence("ko")
