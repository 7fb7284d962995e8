"""The live table: its rows and figures, in both languages, at any width."""

from __future__ import annotations

import io

import numpy as np
import pytest
from rich.console import Console

from gradgauge.layers import LayerInfo
from gradgauge.report.terminal.live import COLUMNS, MOST_ROWS, LiveTable, shown_rows
from gradgauge.watchers.recorder import Recorder


def shown(lang="en", width=120, terminal=False, layers=3):
    stream = io.StringIO()
    console = Console(file=stream, width=width, force_terminal=terminal)
    recorder = Recorder({"name": "net"}, [LiveTable(lang, console)])
    recorder.start(
        [
            LayerInfo(f"block.{i}.fc", activation="tanh", output=i == layers - 1)
            for i in range(layers)
        ]
    )
    gains = np.full(layers, 0.1)
    gains[-1] = np.nan
    small = dict.fromkeys(COLUMNS, np.full(layers, 1.23e-11))
    recorder.probe(0, {**small, "slope_gain": gains, "weight_gain": gains}, 2.5)
    recorder.step(7, {"weight_grad_norm": np.full(layers, 1.5e-7)}, 0.25)
    recorder.close()
    return stream.getvalue()


@pytest.mark.parametrize("terminal", [True, False])
def test_figures(terminal):
    text = shown(terminal=terminal)
    assert "net: step 7, loss 0.25" in text
    assert text.count("block.0.fc") >= 1
    assert "1.50e-7" in text
    told = "−4.0 decades from the last layer to the first: −2.0 from slopes, −2.0 from weights"
    assert told in text


def test_korean():
    text = shown("ko")
    assert "스텝 7" in text
    assert "미분값 이득" in text


@pytest.mark.parametrize("width", [60, 80, 200])
def test_no_figure_is_cut_off(width):
    text = shown(width=width)
    assert "1.50e-7" in text
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= width


def test_many_layers():
    assert shown_rows(MOST_ROWS) == list(range(MOST_ROWS))
    rows = shown_rows(100)
    assert len(rows) == MOST_ROWS + 1
    assert rows[-1] == 99
    assert "76 layers between" in shown(layers=100)
