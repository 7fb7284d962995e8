"""Arms: networks that are trained beside the page's own, on its seeds, and shown as ladders."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np

from gradgauge.engine.terms import Entry
from gradgauge.json import finite
from gradgauge.play.scene import Scene
from gradgauge.run import Run
from gradgauge.study.by_layer import attenuation, by_layer

CONTROL = "control"
"""The arm that is the page's own network, as it is."""

InLanguages = Mapping[str, str]


class Question(ABC):
    """A question asked of one network, answered by training arms.

    Args:
        scene: what is on the page.
        network: which of its networks.
        emit: tells the room.

    Attributes:
        kind: of the lines that the room is told: the question's name.
    """

    kind: ClassVar[str]

    def __init__(self, scene: Scene, network: int, emit: Callable[[Mapping[str, Any]], None]):
        self._scene, self._network, self._emit = scene, network, emit
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Ask no further."""
        self._stopped.set()

    @abstractmethod
    def find(self) -> None:
        """Train every arm as the page's network was trained, and tell of each as it is done."""

    @property
    def _entry(self) -> Entry:
        return self._scene.entries[self._network]

    def _tell(self, arms: int, **more: Any) -> None:
        """Tell the room how many arms there are, and one thing more."""
        if not self._stopped.is_set():
            self._emit({"kind": self.kind, "network": self._network, "arms": arms, **more})


def arm_told(run: Run, place: int, arm: str, name: InLanguages, change: InLanguages) -> Any:
    """What a page shows of an arm.

    Args:
        run: what was trained.
        place: of the arm among all.
        arm: its key, the same in every language.
        name, change: for people, by language.
    """
    told = {
        "place": place,
        "arm": arm,
        "name": name,
        "change": change,
        "decades": attenuation(run, "first").decades,
        "accuracy": float(np.mean(run.figure("test_accuracy"))),
        "delta_norm": [float(v) for v in by_layer(run, "delta_norm", "first")],
        "signal_spread": [float(v) for v in by_layer(run, "signal_spread", "first")],
    }
    return finite(told)
