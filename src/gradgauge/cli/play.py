"""`gradgauge play`: the live page."""

from __future__ import annotations

import asyncio
import importlib.util
import tempfile
import threading
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gradgauge.cli import language
from gradgauge.cli.help import Command
from gradgauge.cli.interrupt import kept
from gradgauge.cli.language import text
from gradgauge.cli.options import FROM_ZERO, lang_option, option
from gradgauge.errors import MissingExtra
from gradgauge.places import check_folder

if TYPE_CHECKING:
    from gradgauge.play.access import Access

_NEEDED = ("starlette", "uvicorn", "websockets")


@click.command(cls=Command)
@click.argument("settings", required=False, default="")
@option("--port", type=FROM_ZERO)
@option("--host")
@option("--share", is_flag=True)
@option("--no-browser", is_flag=True)
@option("--export", type=click.Path(path_type=Path), said="help.option.replay")
@lang_option()
def command(
    settings: str,
    port: int | None,
    host: str | None,
    share: bool,
    no_browser: bool,
    export: Path | None,
    lang: str | None,  # noqa: ARG001
) -> int:
    """Serve until Ctrl-C, or write a replay; the exit code."""
    from gradgauge.play.settings import read

    fragment = settings.rpartition("#")[2]
    read(fragment)
    if export is not None:
        return _export(fragment, export)
    if any(importlib.util.find_spec(name) is None for name in _NEEDED):
        raise MissingExtra("gradgauge play", "play")
    return _serve(fragment, port, host, share, not no_browser)


def _export(fragment: str, path: Path) -> int:
    """Train to the end without a server, and write the page with the training inside."""
    from gradgauge.cli.progress import Progress
    from gradgauge.play.export import export_replay

    check_folder(path.parent)
    with Progress(quiet=False) as progress:
        export_replay(fragment, path, language.current(), progress)
    click.echo(str(path))
    return 0


def _serve(fragment: str, port: int | None, host: str | None, share: bool, browser: bool) -> int:
    from gradgauge.machine import cores
    from gradgauge.play.access import listening
    from gradgauge.play.house import House

    taken, access = listening(host, port, share)
    with tempfile.TemporaryDirectory(prefix="gradgauge-play-") as folder, taken:
        house = House(Path(folder), cores(), fragment)

        async def live() -> None:
            house.start()
            await asyncio.sleep(0)
            # The worker is starting by now, beside these imports.
            from gradgauge.play.server import Site, serve

            site = Site(house, access, Path(folder), language.current())
            await serve(site, taken, lambda: _announce(access, fragment, browser))

        kept("play.stopped")
        asyncio.run(live())
    return 0


def _announce(access: Access, fragment: str, browser: bool) -> None:
    """Say where the page is, the address in the first line, and open it."""
    address = access.address(driving=True) + (f"#{fragment}" if fragment else "")
    print(address, flush=True)
    if access.shared:
        _invite(access)
    click.echo(text("play.until_stopped"), err=True)
    if browser:
        # Some browsers are waited for.
        threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()


def _invite(access: Access) -> None:
    """The viewers' address, and its QR code."""
    address = access.address(driving=False)
    print(text("play.viewers", address=address), flush=True)
    if importlib.util.find_spec("segno") is not None:
        import segno

        segno.make(address, error="m").terminal(compact=True)
