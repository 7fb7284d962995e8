"""`gradgauge chart`: what a sweep found, as lines, heat maps and phase diagrams."""

from __future__ import annotations

import re
from pathlib import Path

import click

from gradgauge.cli.help import Command
from gradgauge.cli.language import current, text
from gradgauge.cli.names import FILE
from gradgauge.cli.options import lang_option, option
from gradgauge.errors import InvalidValue


@click.command(cls=Command)
@click.argument("folder", metavar="DIR", type=FILE)
@option("--x", required=True, metavar="FIELD")
@option("--y", required=True, metavar="FIELD|OUTCOME")
@option("--color", metavar="OUTCOME|FIELD")
@option("--facet", metavar="FIELD")
@option("--where", multiple=True, metavar="FIELD=VALUE")
@option("--out", metavar="PATH", said="sweep.option.chart_out")
@option("--quiet", is_flag=True)
@lang_option()
def command(  # noqa: D103
    folder: str,
    x: str,
    y: str,
    color: str | None,
    facet: str | None,
    where: tuple[str, ...],
    out: str | None,
    quiet: bool,
    lang: str | None,  # noqa: ARG001
) -> None:
    from gradgauge.report.study_files import check_out, write_study_chart
    from gradgauge.study.sweep.results import load_study
    from gradgauge.study.sweep.slices import cut

    if out:
        check_out(out)
    part = cut(load_study(folder), x, y, color, facet, dict(map(_condition, where)))
    name = "-".join(_plain(word) for word in (x, y, color) if word)
    written = write_study_chart(part, out or Path(folder) / "charts", name, current())
    if not quiet:
        for path in written:
            click.echo(text("sweep.chart.wrote", path=path))


def _condition(written: str) -> tuple[str, str]:
    name, equals, value = written.partition("=")
    if not equals or not name:
        raise InvalidValue("--where", written, "plan_field_and_value")
    return name, value


def _plain(name: str) -> str:
    """An outcome as a part of a file's name."""
    return re.sub(r"\W+", "_", name).strip("_")
