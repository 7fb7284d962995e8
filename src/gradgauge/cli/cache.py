"""`gradgauge cache`: where compiled programs lie, and how to be rid of them."""

from __future__ import annotations

import click

from gradgauge.cli.help import Command
from gradgauge.cli.language import text
from gradgauge.cli.options import lang_option, option
from gradgauge.errors import OutputProblem


@click.command(cls=Command)
@option("--clear", is_flag=True)
@lang_option()
def command(clear: bool, lang: str | None) -> None:  # noqa: ARG001, D103
    from gradgauge.engine.cache import cache_folder, cache_size, clear_cache

    folder = cache_folder()
    if not clear:
        click.echo(text("cache.holds", folder=folder, megabytes=_megabytes(cache_size())))
        return
    cleared = clear_cache()
    click.echo(text("cache.cleared", folder=folder, megabytes=_megabytes(cleared.size)))
    if cleared.foreign:
        click.echo(text("cache.foreign", folder=folder, files=cleared.foreign), err=True)
    if cleared.failed:
        path, why = cleared.failed[0]
        raise OutputProblem(path, "not_deleted", why=why, files=len(cleared.failed))


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f}"
