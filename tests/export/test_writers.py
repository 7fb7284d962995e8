"""Writers: what was measured is read back, from JSON lines and from TensorBoard's own reader."""

from __future__ import annotations

import json

import numpy as np
import pytest

from gradgauge.errors import OutputProblem
from gradgauge.export.jsonl import JsonlWriter
from gradgauge.export.tensorboard import TensorBoardWriter
from gradgauge.layers import LayerInfo
from gradgauge.watchers.recorder import Recorder


def record(*writers):
    recorder = Recorder({"name": "net", "batch": "training"}, writers)
    recorder.start([LayerInfo("fc/1"), LayerInfo("출력", output=True)])
    recorder.step(0, {"weight_grad_norm": np.array([1e-30, 2.0])}, 0.5)
    recorder.step(3, {"weight_grad_norm": np.array([np.inf, np.nan])}, np.nan)
    recorder.probe(3, {"slope_gain": np.array([0.25, np.nan])}, 0.25)
    recorder.epoch(1, {"loss": 0.4, "accuracy": 0.9})
    recorder.note("slope", "unknown_activation", "fc/1")
    recorder.steps_done = 4
    recorder.close()
    recorder.close()


def test_json_lines(tmp_path):
    path = tmp_path / "deep" / "log.jsonl"
    record(JsonlWriter(path))
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert [line["event"] for line in lines] == [
        "opened",
        "steps",
        "steps",
        "probes",
        "epochs",
        "closed",
    ]
    assert [layer["name"] for layer in lines[0]["layers"]] == ["fc/1", "출력"]
    assert lines[1]["weight_grad_norm"] == [1e-30, 2.0]
    assert lines[2]["weight_grad_norm"] == ["inf", None]
    assert lines[2]["loss"] is None
    assert lines[3]["slope_gain"] == [0.25, None]
    assert lines[4] == {"event": "epochs", "step": 1, "loss": 0.4, "accuracy": 0.9}
    assert lines[5]["steps_done"] == 4
    assert lines[5]["notes"][0]["reason"] == "unknown_activation"


def test_lines_are_there_while_the_training_runs(tmp_path):
    path = tmp_path / "log.jsonl"
    writer = JsonlWriter(path)
    recorder = Recorder({"name": "net"}, [writer])
    recorder.start([LayerInfo("a")])
    recorder.step(0, {"weight_norm": np.array([1.0])})
    assert len(path.read_text("utf-8").splitlines()) == 2
    recorder.close()


def test_unwritable_place(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputProblem):
        JsonlWriter(tmp_path / "file" / "log.jsonl")
    with pytest.raises(OutputProblem):
        TensorBoardWriter(tmp_path / "file" / "logs")


@pytest.mark.filterwarnings("ignore")
def test_tensorboard_reads_the_events(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    record(TensorBoardWriter(tmp_path / "logs"))
    events = EventAccumulator(str(tmp_path / "logs"))
    events.Reload()
    scalars = {
        tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]
    }
    assert scalars["steps/weight_grad_norm/fc/1"][0] == (0, pytest.approx(1e-30))
    assert scalars["steps/weight_grad_norm/fc/1"][1] == (3, np.inf)
    assert [step for step, _ in scalars["steps/weight_grad_norm/출력"]] == [0]
    assert scalars["probes/slope_gain/fc/1"] == [(3, 0.25)]
    assert "probes/slope_gain/출력" not in scalars
    assert scalars["epochs/accuracy"] == [(1, pytest.approx(0.9))]
