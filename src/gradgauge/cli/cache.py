"""`gradgauge cache`: where compiled programs lie, and how to be rid of them."""

from __future__ import annotations

import click

from gradgauge.cli.language import text
from gradgauge.cli.options import lang_option, option


@click.command
@option("--clear", is_flag=True)
@lang_option()
def command(clear: bool, lang: str | None) -> None:  # noqa: ARG001, D103
    from gradgauge.engine.cache import cache_folder, cache_size, clear_cache

    folder, size = cache_folder(), cache_size()
    if clear:
        clear_cache()
    key = "cache.cleared" if clear else "cache.holds"
    click.echo(text(key, folder=folder, megabytes=f"{size / 1e6:.1f}"))
