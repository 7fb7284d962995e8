"""The page in a notebook's cell: what the kernel says is what it shows, whenever it is opened."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

import gradgauge as gg
from gradgauge.errors import MissingExtra
from gradgauge.play import widget as module
from tests.browser import Listening

HOST = """<!DOCTYPE html><html lang="en"><title>cell</title><main></main><script type="module">
const heard = new Set(), told = {page: PAGE, height: 700, history: HISTORY};
const model = {
  get: (name) => told[name],
  on: (_, hear) => heard.add(hear),
  off: (_, hear) => heard.delete(hear),
};
const { default: view } = await import(SCRIPT);
view.initialize({ model });
window.tell = (message) => heard.forEach((hear) => hear(message));
window.show = () => view.render({ model, el: document.querySelector("main") });
</script></html>"""


@pytest.fixture(scope="module")
def said() -> tuple[Any, list[dict[str, str]]]:
    """A watched training's view, and what the kernel has sent to it."""
    torch.manual_seed(0)
    layers = [torch.nn.Linear(6, 8), torch.nn.Tanh(), torch.nn.Linear(8, 8), torch.nn.Tanh()]
    model = torch.nn.Sequential(*layers, torch.nn.Linear(8, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    shown = gg.PlayWidget(height=700)
    sent: list[dict[str, str]] = []
    shown._view.send = sent.append
    watcher = gg.watch(model, optimizer=optimizer, every=1, to=[shown])
    x, y = torch.randn(64, 6), torch.randint(0, 3, (64,))
    for _ in range(8):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    watcher.close()
    return shown, sent


def cell(chromium: Any, tmp_path: Path, page: str, history: str) -> Any:
    code = base64.b64encode(module._SCRIPT.read_bytes()).decode()
    script = f"data:text/javascript;base64,{code}"
    text = HOST.replace("SCRIPT", json.dumps(script))
    text = text.replace("PAGE", json.dumps(page).replace("</", "<\\/"))
    text = text.replace("HISTORY", json.dumps(history))
    (tmp_path / "cell.html").write_text(text)
    opened = chromium.new_page()
    opened.goto((tmp_path / "cell.html").as_uri())
    opened.wait_for_function("window.show")
    return opened


def frame_of(opened: Any) -> Any:
    inner = opened.locator("iframe").element_handle().content_frame()
    inner.wait_for_selector(".rung")
    return inner


@pytest.mark.parametrize("when", ["before", "after", "saved"])
def test_a_view_shows_all_that_was_said(
    chromium: Any, tmp_path: Path, said: Any, when: str
) -> None:
    """Opened before the training, after it, and from a saved notebook without a kernel."""
    shown, sent = said
    history = shown._view.history if when == "saved" else ""
    opened = cell(chromium, tmp_path, shown._view.page, history)
    heard = Listening(opened)
    if when == "before":
        opened.evaluate("show() && null")
        opened.wait_for_timeout(300)
    if when != "saved":
        for message in sent:
            opened.evaluate("message => tell(message)", message)
    if when != "before":
        opened.evaluate("show() && null")
    inner = frame_of(opened)
    inner.wait_for_function("window.gradgauge.state().status === 'done'")
    state = inner.evaluate("window.gradgauge.state()")
    last = json.loads([m["line"] for m in sent if '"frame"' in m["line"]][-1])
    assert state["step"] == last["step"]
    layers = state["networks"][0]["layers"]
    assert [layer["delta_norm"] for layer in layers] == last["networks"][0]["gauges"]["delta_norm"]
    assert inner.locator("#play").is_disabled()
    assert heard.said == []
    assert heard.asked == []
    opened.close()


def test_it_shows_itself(said: Any) -> None:
    shown, _ = said
    bundle = shown._repr_mimebundle_()
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    assert "application/vnd.jupyter.widget-view+json" in data


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "anywidget", None)
    module._view.cache_clear()
    with pytest.raises(MissingExtra, match="notebook"):
        gg.PlayWidget()
    module._view.cache_clear()
