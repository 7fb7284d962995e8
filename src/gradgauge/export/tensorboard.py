"""A watched training as TensorBoard event files, written while it runs: scalars by layer.

Tags: `steps/weight_grad_norm/LAYER`, `probes/slope_gain/LAYER`, `steps/loss`, `epochs/accuracy`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gradgauge.errors import MissingExtra, OutputProblem
from gradgauge.layers import LayerInfo
from gradgauge.run import Run


class TensorBoardWriter:
    """Writes every measurement as scalars; undefined values (NaN) are omitted.

    Args:
        folder: the folder for event files; created if it does not exist.

    Raises:
        MissingExtra: tensorboard is not installed.
        OutputProblem: the folder cannot be written.
    """

    folder: Path

    def __init__(self, folder: Path | str):
        try:
            from tensorboard.compat.proto.event_pb2 import Event  # type: ignore[attr-defined]
            from tensorboard.compat.proto.summary_pb2 import Summary  # type: ignore[attr-defined]
            from tensorboard.summary.writer.event_file_writer import EventFileWriter
        except ImportError:
            raise MissingExtra("TensorBoardWriter", "tensorboard") from None
        self.folder = Path(folder)
        self._event, self._summary = Event, Summary
        self._layers: list[str] = []
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if not os.access(self.folder, os.W_OK):
                raise OutputProblem(folder, "not_writable", why="permission denied")
            self._writer = EventFileWriter(str(self.folder))
        except OSError as error:
            raise OutputProblem.of(folder, error) from None

    def opened(self, layers: Sequence[LayerInfo], attributes: Mapping[str, Any]) -> None:
        del attributes
        self._layers = [layer.name for layer in layers]

    def recorded(self, group: str, step: int, values: Mapping[str, Any]) -> None:
        scalars: list[tuple[str, float]] = []
        for name, value in values.items():
            array = np.asarray(value, np.float64)
            if array.ndim == 0:
                scalars.append((f"{group}/{name}", float(array)))
                continue
            layers = zip(self._layers, array, strict=True)
            scalars += [(f"{group}/{name}/{layer}", float(v)) for layer, v in layers]
        self._write(step, [(tag, v) for tag, v in scalars if not np.isnan(v)])

    def closed(self, run: Run) -> None:
        del run
        self._writer.close()

    def _write(self, step: int, scalars: Sequence[tuple[str, float]]) -> None:
        kind = self._summary.Value
        summary = self._summary(value=[kind(tag=tag, simple_value=v) for tag, v in scalars])
        event = self._event(wall_time=time.time(), step=int(step), summary=summary)
        self._writer.add_event(event)
