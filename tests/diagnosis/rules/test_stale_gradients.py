"""Gradients that are not cleared between steps, in loops of a user's own."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

import gradgauge
from tests.diagnosis.loops import batches, clear, data, looping, network, stale, watched, zero


@pytest.mark.parametrize(
    "loop",
    [
        pytest.param(looping(clear), id="cleared before the pass"),
        pytest.param(looping(zero), id="zeroed before the pass"),
        pytest.param(looping(after=clear), id="cleared after the step"),
        pytest.param(looping(after=zero), id="zeroed after the step"),
        pytest.param(
            looping(
                lambda i, o: o.zero_grad() if i % 4 == 0 else None, steps_at=lambda i: i % 4 == 3
            ),
            id="accumulated over four batches",
        ),
    ],
)
def test_gradients_that_are_cleared_with_the_step_are_healthy(loop: Any) -> None:
    result = watched(loop).diagnose()
    assert result.healthy, result
    assert "stale-gradients" in result.clean


@pytest.mark.parametrize(
    "loop",
    [
        pytest.param(looping(), id="never cleared"),
        pytest.param(
            looping(after=lambda i, o: o.zero_grad() if i % 4 == 3 else None),
            id="cleared at every fourth step only",
        ),
        pytest.param(
            looping(after=lambda i, o: o.zero_grad() if i % 2 else None),
            id="cleared at every second step only",
        ),
    ],
)
def test_a_step_on_top_of_old_gradients_is_a_fault(loop: Any) -> None:
    result = watched(loop).diagnose()
    assert stale(result), result
    finding = next(f for f in result.findings if f.rule == "stale-gradients")
    assert finding.step == 1
    assert finding.advice()


def test_clipping_does_not_hide_old_gradients() -> None:
    def loop(_: Any, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        for _step, x, y in batches(20):
            nn.functional.cross_entropy(model(x), y).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 0.1)
            optimizer.step()

    assert stale(watched(loop).diagnose())


@pytest.mark.parametrize("cleared", [True, False])
def test_updates_by_hand_are_looked_at_too(cleared: bool) -> None:
    def loop(_: Any, model: nn.Module, __: Any) -> None:
        for _step, x, y in batches(20):
            nn.functional.cross_entropy(model(x), y).backward()
            with torch.no_grad():
                for p in model.parameters():
                    if p.grad is not None:
                        p -= 0.1 * p.grad
                        if cleared:
                            p.grad.zero_()

    assert stale(watched(loop).diagnose()) is not cleared


def test_a_pass_whose_gradients_are_thrown_away_leaves_nothing_stale() -> None:
    """The generator's pass through a discriminator that is cleared before its own."""

    def loop(_: Any, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        for _step, x, y in batches(24):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
            model(x).square().mean().backward()  # of somebody else's step

    assert watched(loop).diagnose().healthy


def test_a_second_optimizer_on_other_weights_is_healthy() -> None:
    model = network(2)
    body = torch.optim.SGD(model[:2].parameters(), lr=0.05)
    head = torch.optim.SGD(model[2:].parameters(), lr=0.05)

    def loop(watcher: Any, model: nn.Module, _: Any) -> None:
        for _step, x, y in batches(24):
            for one in (body, head):
                one.zero_grad()
            loss = nn.functional.cross_entropy(model(x), y)
            loss.backward()
            watcher.log(loss)
            body.step()
            head.step()

    assert watched(loop, model, body).diagnose().healthy


def test_the_rule_is_not_asked_of_a_loop_of_the_diagnosis_own() -> None:
    model = network()
    x, y = data(64)
    result = gradgauge.diagnose(
        model, nn.CrossEntropyLoss(), torch.optim.SGD(model.parameters(), lr=0.1), x, y, epochs=4
    )
    reason = {n.rule: n.reason for n in result.not_applicable}
    assert reason["stale-gradients"] == "own_loop"
    assert not result.recorded
