"""A room: one scene being trained, and who looks at it is told every frame."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from gradgauge.engine.live import LiveTraining, Moved, Weights
from gradgauge.engine.work import device_data
from gradgauge.errors import GradgaugeError
from gradgauge.gauges import PROBE_SAMPLES
from gradgauge.messages.catalog import LANGUAGES
from gradgauge.play.arms import Question
from gradgauge.play.detail import layer_detail, rows_for
from gradgauge.play.findings import Watch
from gradgauge.play.frames import network_frame
from gradgauge.play.numerals import fraction
from gradgauge.play.scene import Scene, described, input_spread, scene_of, shown_steps
from gradgauge.play.settings import read, values, write
from gradgauge.play.surface import Surface

Emit = Callable[[Mapping[str, Any]], None]
"""Tells everybody in the room."""

RUNNING, PAUSED, DONE, FAILED = "running", "paused", "done", "failed"
SPEEDS = (1, 2, 5, 10, 20)
"""Frames a second."""

_EVALUATIONS = 15
"""How often a training is held against its test data, beside the ends of its epochs."""

_MOST_SNAPSHOTS = 96 * 2**20


class Room:
    """One scene at a time, moved on frame by frame by `turn`.

    Args:
        emit: tells the room.
        pool: threads to train in, one a core.
        own_data: the folder with data files that were given to the page.

    Attributes:
        status: `running`, `paused`, `done` or `failed`.
        due: when the next frame is to be made, by `time.monotonic`.
    """

    status: str
    due: float

    def __init__(self, emit: Emit, pool: ThreadPoolExecutor, own_data: Path | None):
        self._emit, self._pool, self._own_data = emit, pool, own_data
        self.status, self.due, self._speed = PAUSED, 0.0, 10.0
        self._scene: Scene | None = None
        self._question: Question | None = None
        self._began, self._began_at = time.monotonic(), 0

    def open(self, fragment: str, playing: bool = True) -> None:
        """Take other settings, and begin with them anew."""
        self._leave_question()
        try:
            reading = read(fragment)
            scene = scene_of(reading.settings, self._own_data)
            self._start(scene)
        except GradgaugeError as error:
            self._scene, self.status = None, FAILED
            self._emit({"kind": "refused", "fragment": fragment, "sentence": spoken(error)})
            return
        self._emit(
            {
                "kind": "opened",
                **described(scene, self._live.schedule),
                "unknown": [spoken(error) for error in reading.unknown],
            }
        )
        self._show(self._moved_nothing())
        self._set(RUNNING if playing else PAUSED)

    def _start(self, scene: Scene) -> None:
        data = device_data(scene.dataset, "float32")
        self._live = LiveTraining(scene.entries, scene.dataset, data)
        self._scene, self._settings = scene, scene.settings
        self._shown = shown_steps(self._live.schedule, scene.settings)
        self._watches = [Watch(input_spread(scene.dataset)) for _ in scene.entries]
        self._snapshots: dict[int, list[Weights]] = {}
        self._surface = Surface.of(scene.dataset)

    def play(self) -> None:
        """Go on; after the end, begin anew."""
        if self._scene is None or self.status == RUNNING:
            return
        if not self._live.goes_on:
            self.open(write(self._settings))
            return
        self._set(RUNNING)

    def pause(self) -> None:
        """Stand still."""
        if self.status == RUNNING:
            self._set(PAUSED)

    def step(self) -> None:
        """Make one step and stand still."""
        if self._scene is None:
            return
        if self._live.goes_on:
            self._move(self._live.step + 1)
        self._set(PAUSED)

    def reset(self) -> None:
        """Back to the initial weights, and stand still there."""
        if self._scene is not None:
            self.open(write(self._settings), playing=False)

    def speed(self, frames: float) -> None:
        """So many frames a second."""
        self._speed = min(max(frames, min(SPEEDS)), max(SPEEDS))
        self.due = time.monotonic()
        self._set(self.status)

    def rate(self, network: int, value: str) -> None:
        """From the next step on, a network learns at another rate."""
        if self._scene is None or network >= len(self._settings.sides):
            return
        try:
            rate = fraction("lr", value)
            side = self._settings.sides[network]
            kept = tuple(one for one in side.rates if one[0] < self._live.step)
            rates = (*kept, (self._live.step, rate)) if self._live.step else ((0, rate),)
            sides = list(self._settings.sides)
            sides[network] = dataclasses.replace(side, rates=rates)
            read(write(dataclasses.replace(self._settings, sides=tuple(sides))))
        except GradgaugeError as error:
            self._emit({"kind": "refused", "fragment": "", "sentence": spoken(error)})
            return
        if not self._live.step:
            self.open(write(dataclasses.replace(self._settings, sides=tuple(sides))), False)
            return
        self._settings = dataclasses.replace(self._settings, sides=tuple(sides))
        self._emit({"kind": "settings", **self._said(), "at": self._live.step})

    def _said(self) -> dict[str, Any]:
        return {"fragment": write(self._settings), "settings": values(self._settings)}

    def look(self, network: int, layer: int, unit: int | None, step: int) -> Mapping[str, Any]:
        """One layer from near, at the recorded step nearest before `step`."""
        kept = [at for at in self._snapshots if at <= step]
        if self._scene is None or not kept or network >= len(self._scene.entries):
            return {}
        hidden = self._scene.entries[network].network.hidden
        if layer > len(hidden) or (unit is not None and unit > hidden[layer - 1].width):
            return {}
        at = max(kept)
        rows = rows_for(sum(one.width for one in hidden), PROBE_SAMPLES)
        signals = self._live.signals(network, layer, self._snapshots[at][network], rows)
        return {"step": at, **layer_detail(signals, unit)}

    def why(self, network: int) -> None:
        """Train the counterfactuals of a network, and say of each what came of it."""
        # Here and below: what only a question needs would keep the first frame waiting.
        from gradgauge.play.causes import Causes

        self._ask(Causes, network)

    def remedy(self, network: int) -> None:
        """Train a network with what answers its faults, and say of each what came of it."""
        from gradgauge.play.repairs import Repairs

        self._ask(Repairs, network)

    def _ask(self, question: type[Question], network: int) -> None:
        if self._scene is None or network >= len(self._scene.entries):
            return
        self.pause()
        self._leave_question()
        self._question = asked = question(self._scene, network, self._emit)
        threading.Thread(target=asked.find, name=asked.kind, daemon=True).start()

    def _leave_question(self) -> None:
        if self._question is not None:
            self._question.stop()
            self._question = None

    def save(self, folder: str) -> list[str]:
        """Write the Run of each network, as far as it has come, to a folder.

        Returns:
            The files' paths, one a network; empty where nothing is trained.
        """
        if self._scene is None:
            return []
        runs = self._live.runs()
        return [str(run.save(Path(folder) / f"{at}.nc")) for at, run in enumerate(runs)]

    @property
    def goes_on(self) -> bool:
        """Whether a frame is to be made."""
        return self.status == RUNNING

    def turn(self) -> None:
        """Make the next frame."""
        self._move(next(at for at in self._shown if at > self._live.step))
        self.due = max(self.due + 1 / self._speed, time.monotonic())
        if not self._live.goes_on:
            broken = all(self._live.broken_off(n) for n in range(len(self._watches)))
            self._set(FAILED if broken else DONE)

    def _move(self, until: int) -> None:
        for place, side in enumerate(self._settings.sides):
            for at, rate in side.rates:
                if at == self._live.step and at:
                    self._live.set_rate(place, rate)
        self._show(self._live.advance(until, self._pool))

    def _moved_nothing(self) -> list[Moved]:
        nothing = [
            (len(entry.training.seeds), entry.network.depth + 1) for entry in self._live.entries
        ]
        return [
            Moved(
                np.full((seeds, 1), np.nan),
                np.full((seeds, 1), np.nan),
                np.full((seeds, layers), np.nan),
            )
            for seeds, layers in nothing
        ]

    def _show(self, moved: list[Moved]) -> None:
        """Measure, and tell the room."""
        step, probes = self._live.step, self._live.probe(self._pool)
        tested = self._live.evaluate(self._pool) if self._is_tested(step) else None
        networks = []
        for place, (gauges, what) in enumerate(zip(probes, moved, strict=True)):
            every = {**gauges, "update_ratio": what.update_ratio}
            broken = self._live.broken_off(place)
            found = self._watches[place].look(
                {name: value[0] for name, value in every.items()}, broken
            )
            networks.append(
                network_frame(
                    every,
                    what.loss[:, -1],
                    what.accuracy[:, -1],
                    tested[place] if tested else None,
                    found,
                    broken,
                )
            )
        self._keep(step)
        self._emit({"kind": "frame", "step": step, "networks": self._with_surfaces(networks)})

    def _with_surfaces(self, networks: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if self._surface is not None:
            for place, network in enumerate(networks):
                classes = self._live.classes(place, self._live.weights(place), self._surface.grid)
                network["surface"] = self._surface.text(classes)
        return networks

    def _is_tested(self, step: int) -> bool:
        when = self._live.schedule
        often = max(1, round(when.total / _EVALUATIONS))
        at_end = step in (0, when.total) or step % when.per_epoch == 0 or not self._live.goes_on
        return (
            at_end
            or self.status != RUNNING
            or any(step == at for at in self._shown if at // often > (at - 1) // often)
        )

    def _keep(self, step: int) -> None:
        """Keep the weights of this step, of every second step where there are too many."""
        places = range(len(self._live.entries))
        self._snapshots[step] = [self._live.weights(place) for place in places]
        size = 4 * sum(entry.network.parameters for entry in self._live.entries)
        if size * len(self._snapshots) > _MOST_SNAPSHOTS and len(self._snapshots) > 2:
            steps = sorted(self._snapshots)
            for at in steps[1:-1:2]:
                del self._snapshots[at]

    def _set(self, status: str) -> None:
        self.status = status
        now = time.monotonic()
        if status == RUNNING:
            self.due = now
        step = self._live.step if self._scene is not None else 0
        self._emit({"kind": "status", "status": status, "step": step, "speed": self._speed})


def spoken(error: GradgaugeError) -> dict[str, str]:
    """What an error says, in every language."""
    return {lang: error.sentence(lang) for lang in LANGUAGES}
