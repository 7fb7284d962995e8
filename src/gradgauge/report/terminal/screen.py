"""Where a table updates in place: a terminal, or a notebook's cell."""

from __future__ import annotations

import io
import weakref
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_CELL_WIDTH = 110
_CELL_FORMAT = '<pre style="font-family:monospace;line-height:1.3;overflow-x:auto">{code}</pre>'


class Screen(Protocol):
    """Shows one table, the last that it was given."""

    def update(self, table: Table) -> None:
        """Show this table instead."""

    def stop(self) -> None:
        """The last table stays."""


def screen_of(console: Console) -> Screen | None:
    """The console's screen; None where nothing can be updated in place."""
    if console.is_jupyter:
        return NotebookCell()
    return Terminal(console) if console.is_terminal else None


class Terminal:
    """A terminal, through rich."""

    def __init__(self, console: Console):
        from rich.live import Live

        self._live = Live(console=console, auto_refresh=False)
        self._live.start()
        # A training that ends in an exception may never stop it: the cursor comes back.
        self._stop = weakref.finalize(self, self._live.stop)

    def update(self, table: Table) -> None:
        self._live.update(table, refresh=True)

    def stop(self) -> None:
        self._stop()


class NotebookCell:
    """A notebook's cell: one output that is replaced. (rich would need ipywidgets.)"""

    def __init__(self) -> None:
        self._handle: Any = None

    def update(self, table: Table) -> None:
        from IPython.display import HTML, display

        shown = HTML(table_html(table))
        if self._handle is None:
            self._handle = display(shown, display_id=True)
        else:
            self._handle.update(shown)

    def stop(self) -> None:
        """Nothing to end."""


def table_html(table: Table) -> str:
    """A rich table as HTML with styles of its own."""
    from rich.console import Console

    console = Console(file=io.StringIO(), record=True, width=_CELL_WIDTH, force_jupyter=False)
    console.print(table)
    return console.export_html(inline_styles=True, code_format=_CELL_FORMAT)
