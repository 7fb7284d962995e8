"""`gradgauge cache`: where compiled programs lie, how to have them ahead, how to delete them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gradgauge.cli.help import Command
from gradgauge.cli.language import text
from gradgauge.cli.options import lang_option, option
from gradgauge.errors import OutputProblem

if TYPE_CHECKING:
    from gradgauge.engine.cache import Cleared


@click.command(cls=Command)
@option("--warm", is_flag=True)
@option("--clear", is_flag=True)
@lang_option()
def command(warm: bool, clear: bool, lang: str | None) -> None:  # noqa: ARG001, D103
    from gradgauge.engine.cache import cache_folder, cache_size, clear_cache

    folder = cache_folder()
    if clear:
        _clear(folder, clear_cache())
    if warm:
        _warm()
    if warm or not clear:
        click.echo(text("cache.holds", folder=folder, megabytes=_megabytes(cache_size())))


def _clear(folder: Path, cleared: Cleared) -> None:
    """Say what became of the folder."""
    click.echo(text("cache.cleared", folder=folder, megabytes=_megabytes(cleared.size)))
    if cleared.foreign:
        click.echo(text("cache.foreign", folder=folder, files=cleared.foreign), err=True)
    if cleared.failed:
        path, why = cleared.failed[0]
        raise OutputProblem(path, "not_deleted", why=why, files=len(cleared.failed))


def _warm() -> None:
    """Compile what the presets need, on their data."""
    from gradgauge.datasets import load
    from gradgauge.engine.terms import Entry
    from gradgauge.engine.train import compile_for
    from gradgauge.spec.presets import PRESETS
    from gradgauge.spec.training import TrainingSpec

    data = load("mnist")
    for networks in PRESETS.values():
        compile_for([Entry(name, net, TrainingSpec()) for name, net in networks.items()], data)


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f}"
