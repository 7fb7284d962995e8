"""`gradgauge lesson`: an exercise sheet, its key and five slides, made from one run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gradgauge.cli.help import Command
from gradgauge.cli.language import text
from gradgauge.cli.options import COUNT, lang_option, option
from gradgauge.places import check_folder

if TYPE_CHECKING:
    from gradgauge.study.compare.result import Comparison

DEFAULT_OUT = Path("runs") / "lesson"
NETWORKS, SEEDS = ("relu", "sigmoid"), 3


@click.command(cls=Command)
@click.argument("paths", metavar="[RUN.nc]...", nargs=-1, type=click.Path(path_type=Path))
@option("--seeds", type=COUNT, said="help.option.lesson_seeds")
@option("--epochs", type=COUNT)
@option("--train-samples", type=COUNT)
@option(
    "--out",
    type=click.Path(path_type=Path),
    default=DEFAULT_OUT,
    said="help.option.lesson_out",
)
@option("--quiet", is_flag=True)
@lang_option()
def command(
    paths: tuple[Path, ...],
    seeds: int | None,
    epochs: int | None,
    train_samples: int | None,
    out: Path,
    quiet: bool,
    lang: str | None,  # noqa: ARG001
) -> None:
    """Read or train, then write."""
    from gradgauge.report.pages.material import write_material
    from gradgauge.study.compare.saved import load_comparison

    check_folder(out)
    if paths:
        comparison = load_comparison(*paths)
    else:
        comparison = _train(out, quiet, seeds or SEEDS, epochs, train_samples)
    for path in write_material(comparison, out):
        if not quiet:
            click.echo(text("lesson.written", path=path))


def _train(
    out: Path, quiet: bool, seeds: int, epochs: int | None, train_samples: int | None
) -> Comparison:
    """The networks of the exercise; their Runs are kept beside the pages."""
    from gradgauge.cli.progress import Progress
    from gradgauge.spec.comparison import read_comparison
    from gradgauge.study.compare.run import run_comparison

    spec = read_comparison(NETWORKS, seeds=seeds, epochs=epochs, train_samples=train_samples)
    with Progress(quiet) as progress:
        comparison = run_comparison(spec, None, progress)
    if comparison.interrupted:
        raise click.Abort
    for name, run in comparison.runs.items():
        run.save(out / f"{name}.nc")
    return comparison
