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

from gradgauge.errors import MissingExtra
from gradgauge.json import dumps
from gradgauge.layers import LayerInfo
from gradgauge.play.access import Access, listening
from gradgauge.play.house import MAIN, House, Viewer
from gradgauge.play.telling import Telling

_STARTED = 10.0


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


class PlayListener(Telling):
    """Shows a watched training run on the live page.

    The page is served by a thread until the process ends or `close` is called; the training never
    waits for it. Pass it to `watch`: `gg.watch(model, to=[gg.PlayListener()])`.

    Args:
        port: port of the page; None: 8470, or any free port.
        host: address to bind; None: loopback, or with `share` all addresses of this computer.
        share: whether the local network may view the page, at `viewers`.
        browser: whether to open the page in a browser.
        lang: language of the page, `en` or `ko`.

    Attributes:
        address: address of the page, including the token.
        viewers: address for viewers if the page is shared, otherwise None.

    Raises:
        MissingExtra: without `gradgauge[play]`.
        AccessProblem: a host other than loopback without `share`, or a port in use.
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
        super().__init__()
        self._socket, access = listening(host, port, share)
        self.address = access.address(driving=True)
        self.viewers = access.address(driving=False) if share else None
        self._browser, self._lang = browser, lang
        self._house, self._stop = _Showing(), threading.Event()
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
        """Close the page."""
        self._stop.set()
        self._thread.join(_STARTED)

    def opened(self, layers: Sequence[LayerInfo], attributes: Mapping[str, Any]) -> None:
        """Called when the watched training starts; see Listener."""
        super().opened(layers, attributes)
        if self._browser:
            threading.Thread(target=webbrowser.open, args=(self.address,), daemon=True).start()

    def say(self, message: Mapping[str, Any]) -> None:
        """Send a message to every open view of the page."""
        with contextlib.suppress(RuntimeError):  # The page has been closed.
            self._loop.call_soon_threadsafe(self._house.tell, message)
