"""A watched training as lines of JSON, written while it runs: one object a line.

    {"event": "opened", "layers": [{"name": "fc1", ...}], "name": "net", "batch": "training", ...}
    {"event": "steps", "step": 0, "loss": 2.3, "weight_grad_norm": [0.1, ...], ...}
    {"event": "probes", "step": 0, "delta_norm": [...], "slope_gain": [..., null], ...}
    {"event": "epochs", "step": 1, "loss": 1.9, "accuracy": 0.4}
    {"event": "closed", "steps_done": 600, "notes": [...]}

NaN is not JSON and becomes null; infinity becomes the string "inf" or "-inf".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from gradgauge.errors import OutputProblem
from gradgauge.json import dumps, plain
from gradgauge.layers import LayerInfo
from gradgauge.run import Run


class JsonlWriter:
    """Writes every measurement as one line and flushes it, so that a crash loses nothing.

    Args:
        path: the file, which is overwritten; missing folders are created.

    Raises:
        OutputProblem: the file cannot be written.
    """

    path: Path

    def __init__(self, path: Path | str):
        self.path = Path(path)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file: TextIO | None = self.path.open("w", encoding="utf-8")
        except OSError as error:
            raise OutputProblem.of(path, error) from None

    def opened(self, layers: Sequence[LayerInfo], attributes: Mapping[str, Any]) -> None:
        self._line({"event": "opened", "layers": [asdict(layer) for layer in layers], **attributes})

    def recorded(self, group: str, step: int, values: Mapping[str, Any]) -> None:
        self._line({"event": group, "step": int(step), **values})

    def closed(self, run: Run) -> None:
        steps = int(run.figure("steps_done")[0])
        notes = [asdict(note) for note in run.notes]
        self._line({"event": "closed", "steps_done": steps, "notes": notes})
        if self._file is not None:
            self._file.close()
            self._file = None

    def _line(self, content: Mapping[str, Any]) -> None:
        if self._file is None:
            self._file = self.path.open("a", encoding="utf-8")
        self._file.write(dumps(plain(content)) + "\n")
        self._file.flush()
