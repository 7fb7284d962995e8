"""`gradgauge report`: the page, or the picture, of a saved Run."""

from __future__ import annotations

from pathlib import Path

import click

from gradgauge.cli.language import current, text
from gradgauge.cli.options import lang_option, option


@click.command
@click.argument("path", metavar="RUN.nc", type=click.Path(path_type=Path))
@option("--out", metavar="FILE", type=click.Path(path_type=Path), help=text("watch.option.out"))
@option("--quiet", is_flag=True)
@lang_option()
def command(  # noqa: D103
    path: Path,
    out: Path | None,
    quiet: bool,
    lang: str | None,  # noqa: ARG001
) -> None:
    from gradgauge.report.closing import REPORT, write_closing
    from gradgauge.report.images import check_ending
    from gradgauge.run import Run

    out = out or path.with_suffix(REPORT)
    check_ending(out)
    written = write_closing(Run.load(path), out, current())
    if not quiet:
        click.echo(text("watch.report.written", path=written))
