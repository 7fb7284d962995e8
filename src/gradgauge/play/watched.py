"""Somebody's own training in the live page: a listener that serves it while it runs.

watcher = gg.watch(model, to=[gg.PlayListener()])
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import tempfile
import threading
import webbrowser
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gradgauge.errors import MissingExtra
from gradgauge.json import dumps
from gradgauge.layers import LayerInfo
from gradgauge.play.access import Access, listening
from gradgauge.play.findings import Watch
from gradgauge.play.frames import SHOWN, network_frame
from gradgauge.play.house import MAIN, House, Viewer
from gradgauge.run import Run

_STARTED = 10.0
_LEAST_ROWS = 2


class _Showing(House):
    """A house whose training is somebody else's: it is shown, and cannot be driven."""

    def __init__(self) -> None:
        super().__init__(Path(), 0, "")

    async def run(self) -> None:
        """Wait: what there is to say comes from the listener."""
        await asyncio.Event().wait()

    def order(self, viewer: Viewer, order: dict[str, Any], room: str | None = None) -> None:
        """Nothing is ordered here."""

    def come(self, presenting: bool) -> Viewer | None:
        """As in any house, but nobody drives."""
        del presenting
        return super().come(False)

    def tell(self, message: Mapping[str, Any]) -> None:
        """Say something to everybody."""
        self._hear(dumps({"room": MAIN, **message}))


class PlayListener:
    """Shows a watched training in the live page, from the first look to the last.

    The page is served from a thread of its own until the process ends or `close` is called; the
    training waits for nobody. Give it to `watch`: `gg.watch(model, to=[gg.PlayListener()])`.

    Args:
        port: to serve at; None: 8470, or any that is free.
        host: to bind; None: loopback, or with `share` every address of this computer.
        share: whether the local network may look, at `viewers`.
        browser: whether the page is opened.
        lang: of the page, `en` or `ko`.

    Attributes:
        address: of the page, token included.
        viewers: the same for others, where it is shared; else None.

    Raises:
        MissingExtra: without `gradgauge[play]`.
        AccessProblem: another host than loopback without `share`, or a port that is not free.
    """

    address: str
    viewers: str | None

    def __init__(
        self,
        *,
        port: int | None = None,
        host: str | None = None,
        share: bool = False,
        browser: bool = True,
        lang: str = "en",
    ):
        if importlib.util.find_spec("starlette") is None:
            raise MissingExtra("PlayListener", "play")
        self._socket, access = listening(host, port, share)
        self.address = access.address(driving=True)
        self.viewers = access.address(driving=False) if share else None
        self._browser, self._lang = browser, lang
        self._house, self._stop = _Showing(), threading.Event()
        self._layers: Sequence[LayerInfo] = ()
        self._attributes: Mapping[str, Any] = {}
        self._rows: np.ndarray | None = None
        self._loss, self._update = np.nan, np.array([])
        self._watch = Watch(1.0)
        self._serve(access)

    def _serve(self, access: Access) -> None:
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(access, ready), daemon=True)
        self._thread.start()
        ready.wait(_STARTED)

    def _run(self, access: Access, ready: threading.Event) -> None:
        from gradgauge.play.server import Site, serve

        folders = tempfile.TemporaryDirectory(prefix="gradgauge-play-")
        with folders as folder, self._socket, asyncio.Runner() as runner:
            self._loop = runner.get_loop()
            site = Site(self._house, access, Path(folder), self._lang)
            runner.run(serve(site, self._socket, ready.set, self._stop))

    def close(self) -> None:
        """End the page."""
        self._stop.set()
        self._thread.join(_STARTED)

    def opened(self, layers: Sequence[LayerInfo], attributes: Mapping[str, Any]) -> None:
        """See Listener."""
        self._layers, self._attributes = layers, attributes
        if self._browser:
            threading.Thread(target=webbrowser.open, args=(self.address,), daemon=True).start()

    def recorded(self, group: str, step: int, values: Mapping[str, Any]) -> None:
        """See Listener: a look at all layers is a frame."""
        loss = values.get("loss")
        self._loss = self._loss if loss is None else float(loss)
        if "update_ratio" in values:
            self._update = np.asarray(values["update_ratio"], np.float64)
        if group != "probes" or "delta_norm" not in values:
            return
        if self._rows is None and not self._begin(values):
            return
        self._say(self._frame(step, values))

    def closed(self, run: Run) -> None:
        """See Listener."""
        del run
        self._say({"kind": "status", "status": "done", "speed": 10})

    def _begin(self, values: Mapping[str, Any]) -> bool:
        """Settle which layers are rungs: those that an error signal is measured at."""
        seen = np.flatnonzero(np.isfinite(np.asarray(values["delta_norm"], np.float64)))
        if len(seen) < _LEAST_ROWS:
            return False
        self._rows = seen
        layers = [self._layers[int(at)] for at in seen]
        network = {
            "name": str(self._attributes.get("name", "model")),
            "notation": None,
            "parameters": sum(layer.parameters for layer in layers),
            "names": [layer.name for layer in layers],
            "widths": [layer.units for layer in layers[:-1]],
            "activations": [layer.activation for layer in layers[:-1]],
            "predicted": {"delta_decades": [], "signal_spread": []},
        }
        data = {"name": "", "inputs": 0, "outputs": 0, "train": 0, "constant": None, "points": None}
        self._say(
            {
                "kind": "opened",
                "watched": True,
                "fragment": "",
                "settings": {},
                "steps": 0,
                "per_epoch": 0,
                "data": data,
                "networks": [network],
                "unknown": [],
            }
        )
        self._say({"kind": "status", "status": "running", "speed": 10})
        return True

    def _frame(self, step: int, values: Mapping[str, Any]) -> dict[str, Any]:
        every = {**values, "update_ratio": self._update}
        gauges = {name: self._row(every.get(name)) for name in SHOWN}
        found = self._watch.look({name: row[0] for name, row in gauges.items()}, None)
        loss, nothing = np.array([self._loss]), np.array([np.nan])
        network = network_frame(gauges, loss, nothing, None, found, None)
        return {"kind": "frame", "step": int(step), "networks": [network]}

    def _row(self, values: Any) -> np.ndarray:
        """A quantity of the rungs, (1, rungs); NaN where it is not measured."""
        rows = self._rows if self._rows is not None else np.array([], int)
        full = np.asarray([] if values is None else values, np.float64)
        if full.ndim != 1 or len(full) <= rows.max(initial=0):
            return np.full((1, len(rows)), np.nan)
        return full[rows][None]

    def _say(self, message: Mapping[str, Any]) -> None:
        with contextlib.suppress(RuntimeError):  # The page has been closed.
            self._loop.call_soon_threadsafe(self._house.tell, message)
