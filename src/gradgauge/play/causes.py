"""Why: the counterfactuals of `gradgauge why` on the page's own seeds, one after another."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gradgauge.engine.terms import Entry
from gradgauge.engine.train import train
from gradgauge.gauges import PROBE_SAMPLES
from gradgauge.json import finite
from gradgauge.messages.catalog import LANGUAGES
from gradgauge.play.scene import Scene
from gradgauge.run import Run
from gradgauge.study.by_layer import attenuation, by_layer
from gradgauge.study.why.counterfactuals import Counterfactual, arms_of
from gradgauge.study.why.sentences import arm_name, change_sentence


class Causes:
    """One question asked of one network.

    Args:
        scene: what is on the page.
        network: which of its networks.
        emit: tells the room.
    """

    def __init__(self, scene: Scene, network: int, emit: Callable[[Mapping[str, Any]], None]):
        self._scene, self._network, self._emit = scene, network, emit
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Ask no further."""
        self._stopped.set()

    def find(self) -> None:
        """Train every arm as the page's network was trained, and tell of each as it is done."""
        entry, dataset = self._scene.entries[self._network], self._scene.dataset
        arms = arms_of(entry.network, dataset.floats(dataset.x_train[:PROBE_SAMPLES]))
        entries = [Entry(arm.name, arm.network, entry.training, arm.adjust) for arm in arms]
        told = {"network": self._network, "arms": len(arms)}
        self._emit({"kind": "why", "done": 0, **told})

        def on_run(place: int, run: Run) -> None:
            if not self._stopped.is_set():
                self._emit({"kind": "why", **told, "arm": arm_told(arms[place], run, place)})

        result = train(entries, dataset, on_run=on_run, stop=self._stopped)
        if not result.interrupted:
            self._emit({"kind": "why", **told, "over": True})


def arm_told(arm: Counterfactual, run: Run, place: int) -> dict[str, Any]:
    """What a page shows of an arm."""
    first = attenuation(run, "first")
    accuracy = run.figure("test_accuracy")
    told = {
        "place": place,
        "arm": arm.name,
        "name": {lang: arm_name(arm, lang) for lang in LANGUAGES},
        "change": {lang: change_sentence(arm, lang) for lang in LANGUAGES},
        "changes": sorted(arm.changes),
        "decades": first.decades,
        "accuracy": float(np.mean(accuracy)),
        "delta_norm": [float(v) for v in by_layer(run, "delta_norm", "first")],
        "signal_spread": [float(v) for v in by_layer(run, "signal_spread", "first")],
    }
    return finite(told)
