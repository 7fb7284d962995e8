"""`gradgauge report`: the page, or a picture for a paper, of saved Runs, without training again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gradgauge.cli.help import Command
from gradgauge.cli.language import current, text
from gradgauge.cli.names import CHART
from gradgauge.cli.options import POSITIVE, lang_option, option
from gradgauge.errors import InvalidValue

if TYPE_CHECKING:
    from gradgauge.run import Run
    from gradgauge.study.compare.artifacts import Artifacts
    from gradgauge.study.compare.result import Comparison


@click.command(cls=Command)
@click.argument(
    "paths", metavar="RUN.nc...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@option("--out", metavar="FILE", type=click.Path(path_type=Path), said="help.option.figure_out")
@option("--chart", type=CHART)
@option("--width-mm", type=POSITIVE)
@option("--dpi", type=POSITIVE)
@option("--no-title", is_flag=True)
@option("--quiet", is_flag=True)
@lang_option()
def command(  # noqa: D103
    paths: tuple[Path, ...],
    out: Path | None,
    chart: str | None,
    width_mm: float | None,
    dpi: float | None,
    no_title: bool,
    quiet: bool,
    lang: str | None,  # noqa: ARG001
) -> None:
    from gradgauge.report.images import FIGURES, write_picture
    from gradgauge.report.pages.write import REPORT
    from gradgauge.report.rendering import check_ending
    from gradgauge.study.compare.artifacts import Artifacts

    out = out or _beside(paths)
    check_ending(out, FIGURES)
    given = {"--chart": chart, "--width-mm": width_mm, "--dpi": dpi, "--no-title": no_title or None}
    if out.suffix == REPORT:
        for name, value in given.items():
            if value is not None:
                raise InvalidValue(name, out, "only_for_pictures")
        written = _write_page(_subject(paths), out, Artifacts(runs=tuple(map(str, paths))))
    else:
        written = write_picture(
            _subject(paths),
            out,
            current(),
            chart=chart or "signal",
            width_mm=width_mm,
            dpi=dpi,
            title=not no_title,
        )
    if not quiet:
        click.echo(text("watch.report.written", path=written))


def _write_page(subject: Comparison | Run, out: Path, artifacts: Artifacts) -> Path:
    from gradgauge.cli.compare import with_why
    from gradgauge.report.pages.write import write_report
    from gradgauge.run import Run

    if not isinstance(subject, Run):
        artifacts = with_why(artifacts, subject, out.parent)
    return write_report(subject, out, current(), artifacts)


def _beside(paths: tuple[Path, ...]) -> Path:
    from gradgauge.report.pages.write import REPORT

    return paths[0].with_suffix(REPORT) if len(paths) == 1 else paths[0].with_name("report.html")


def _subject(paths: tuple[Path, ...]) -> Comparison | Run:
    """Networks that `compare` trained are a comparison, one of them, too; a watched Run is itself."""
    from gradgauge.run import Run
    from gradgauge.study.compare.saved import comparison_of, is_of_compare

    runs = [Run.load(path) for path in paths]
    if len(runs) == 1 and not is_of_compare(runs[0]):
        return runs[0]
    return comparison_of(runs)
