"""Somebody's own training in the page: what it shows is what the watcher keeps."""

from __future__ import annotations

import itertools
import json
from typing import Any

import numpy as np
import pytest
import torch
from websockets.sync.client import connect

import gradgauge as gg
from tests.browser import Listening


@pytest.fixture(scope="module")
def trained() -> Any:
    torch.manual_seed(0)
    sizes = [6, 8, 8, 8, 3]
    layers: list[torch.nn.Module] = []
    for fan_in, fan_out in itertools.pairwise(sizes):
        layers += [torch.nn.Linear(fan_in, fan_out), torch.nn.Tanh()]
    model = torch.nn.Sequential(*layers[:-1])
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    listener = gg.PlayListener(port=0, browser=False)
    watcher = gg.watch(model, optimizer=optimizer, to=[listener])
    x, y = torch.randn(64, 6), torch.randint(0, 3, (64,))
    for _ in range(12):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    watcher.close()
    yield listener, watcher.run
    listener.close()


def history(listener: Any) -> Any:
    host = listener.address.split("/")[2]
    token = listener.address.partition("token=")[2]
    with connect(
        f"ws://{host}/live?token={token}", origin=f"http://{host}", max_size=None, proxy=None
    ) as line:
        while (message := json.loads(line.recv(timeout=20)))["kind"] != "history":
            assert message.get("driving") is not True
        return message


def test_frames_are_what_the_watcher_keeps(trained: Any) -> None:
    listener, run = trained
    told = history(listener)
    opened = next(one for one in told["told"] if one["kind"] == "opened")
    assert opened["networks"][0]["names"] == [layer.name for layer in run.layers]
    steps = list(run.groups["probes"].coords["probe_step"])
    frames = {frame["step"]: frame["networks"][0]["gauges"] for frame in told["frames"]}
    assert sorted(frames) == steps
    for row, step in enumerate(steps):
        for gauge in ("delta_norm", "slope_gain", "signal_spread"):
            ours = [np.nan if v is None else v for v in frames[step][gauge]]
            np.testing.assert_allclose(ours, run.values("probes", gauge)[0, row], rtol=1e-6)


def test_the_page_shows_it_and_offers_nothing_to_drive(chromium: Any, trained: Any) -> None:
    listener, _ = trained
    page = chromium.new_page(bypass_csp=True)
    heard = Listening(page)
    page.goto(listener.address)
    page.wait_for_function("window.gradgauge.state().status === 'done'")
    page.wait_for_selector(".rung")
    assert page.locator(".rung").count() == 4
    assert page.locator("#play").is_disabled()
    assert page.locator(".network-fields").is_hidden()
    page.locator(".rung").first.click()
    page.wait_for_selector("#detail table")
    assert heard.said == []
    page.close()
