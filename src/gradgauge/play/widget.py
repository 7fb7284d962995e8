"""Somebody's own training in a notebook: the live page as a widget, without a server.

widget = gg.PlayWidget()
display(widget)
watcher = gg.watch(model, to=[widget])
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gradgauge.errors import MissingExtra
from gradgauge.json import dumps
from gradgauge.play.house import Memory
from gradgauge.play.html import embedded_page
from gradgauge.play.telling import Telling

_SCRIPT = Path(__file__).parent / "page" / "notebook" / "widget.js"


class PlayWidget(Telling):
    """Shows a watched training run on the live page, in a notebook cell.

    Display it as the last value of a cell, then pass it to `watch`. It works in Jupyter, Colab,
    VS Code and marimo, also on a remote machine, because the page uses the notebook's own
    connection. What is shown is kept in memory, so a view opened later shows everything.

    Args:
        lang: language of the page, `en` or `ko`.
        height: height of the view in CSS pixels.

    Raises:
        MissingExtra: without `gradgauge[notebook]`.
    """

    def __init__(self, *, lang: str = "en", height: int = 760):
        super().__init__()
        self._memory = Memory("")
        self._view = _view()(page=embedded_page(lang).text, height=height)

    def say(self, message: Mapping[str, Any]) -> None:
        """Send a message to every view, and keep it for views opened later."""
        line = dumps(message)
        self._memory.note(dict(message), line)
        self._view.send({"line": line})
        if message["kind"] != "frame":
            self._view.history = self._memory.history()

    def _repr_mimebundle_(self, **options: Any) -> Any:
        self._view.history = self._memory.history()
        return self._view._repr_mimebundle_(**options)


@functools.cache
def _view() -> Any:
    """The class of views; anywidget is imported when one is made."""
    try:
        import anywidget
        import traitlets
    except ImportError as error:
        raise MissingExtra("PlayWidget", "notebook") from error

    class View(anywidget.AnyWidget):
        """The page in a frame of its own, and the way from the kernel to it."""

        _esm = _SCRIPT
        page = traitlets.Unicode().tag(sync=True)
        height = traitlets.Int().tag(sync=True)
        history = traitlets.Unicode().tag(sync=True)

    return View
