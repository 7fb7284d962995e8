"""Somebody's own training in the page: what it shows is what the watcher keeps."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import gradgauge as gg
from tests.browser import Listening
from tests.play.watched_case import GAUGES, SIZES, STEPS, history


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


@pytest.mark.parametrize("framework", ["keras", "jax"])
def test_other_frameworks_are_shown_as_well(framework: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.play.watched_case", framework],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        encoding="utf-8",
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    line = next(x for x in done.stdout.splitlines() if x.startswith("FOUND "))
    found = json.loads(line.removeprefix("FOUND "))
    told = found["told"]
    said = {one["kind"]: one for one in told["told"]}
    assert said["status"]["status"] == "done"
    assert said["opened"]["networks"][0]["names"] == found["names"]
    assert len(found["names"]) == len(SIZES) - 1
    frames = {str(frame["step"]): frame["networks"][0] for frame in told["frames"]}
    assert frames.keys() == found["kept"].keys()
    assert len(frames) >= STEPS
    for step, kept in found["kept"].items():
        assert frames[step]["loss"] is not None or step == "0"
        for gauge in GAUGES:
            np.testing.assert_allclose(
                np.array(frames[step]["gauges"][gauge], float),
                np.array(kept[gauge], float),
                rtol=1e-6,
            )


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
