"""`gradgauge why`: the cause of a failure, proved by intervention."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gradgauge.cli import language
from gradgauge.cli.files import Unwritten
from gradgauge.cli.help import Command
from gradgauge.cli.interrupt import EXIT_INTERRUPTED
from gradgauge.cli.language import text
from gradgauge.cli.names import NETWORK
from gradgauge.cli.options import COUNT, FROM_ZERO, data_option, lang_option, option
from gradgauge.cli.progress import Progress
from gradgauge.errors import InvalidValue
from gradgauge.json import dumps
from gradgauge.places import check_folder
from gradgauge.spec.comparison import WHY_SEEDS, ComparisonSpec, read_comparison, training_flags
from gradgauge.spec.shell import joined

if TYPE_CHECKING:
    from gradgauge.study.why.result import Why

DEFAULT_OUT = Path("runs") / "why"


@click.command(cls=Command)
@click.argument("network", type=NETWORK)
@option("--optimizers", metavar="NAME=RATE,...")
@option("--depth", type=COUNT)
@option("--width", type=COUNT)
@data_option()
@option("--train-samples", type=COUNT)
@option("--seeds", type=COUNT, said="help.option.why_seeds")
@option("--seed", type=FROM_ZERO)
@option("--batch-size", type=COUNT)
@option("--epochs", type=COUNT)
@option(
    "--out",
    type=click.Path(path_type=Path),
    default=DEFAULT_OUT,
    said="help.option.why_out",
)
@option("--json", is_flag=True)
@option("--quiet", is_flag=True)
@lang_option()
def command(
    network: str,
    optimizers: str | None,
    seeds: int | None,
    out: Path,
    json: bool,
    quiet: bool,
    lang: str | None,  # noqa: ARG001
    **options: Any,
) -> int:
    """Train the arms, write, print; the exit code."""
    spec = read_comparison((network,), seeds=seeds or WHY_SEEDS, **options)
    rates = read_optimizers(optimizers) if optimizers else None
    check_folder(out)
    result = _train(spec, network, rates, quiet)
    if result.interrupted:
        print(text("errors.interrupted_early"), file=sys.stderr)
        return EXIT_INTERRUPTED
    paths, unwritten = list[Path](), Unwritten()
    with unwritten.noting():
        paths = _write(result, out, _command(network, spec, optimizers, out))
    if json:
        print(dumps(_document(result)))
    elif not quiet:
        from gradgauge.report.terminal.why import print_why

        print_why(result, language.current(), paths)
    unwritten.complain()
    return 0


def _train(spec: ComparisonSpec, name: str, rates: dict[str, float] | None, quiet: bool) -> Why:
    from gradgauge import datasets
    from gradgauge.datasets.look import warn_of
    from gradgauge.study.why.run import why

    data = datasets.load(spec.dataset).thinned(spec.train_samples)
    warn_of(data)
    network = spec.fitting(data.inputs, data.outputs)[name]
    with Progress(quiet) as progress:
        return why(network, spec.training, data, rates, progress)


def _document(result: Why) -> dict[str, Any]:
    from gradgauge.study.why.json import why_json

    return why_json(result, language.current())


def _command(network: str, spec: ComparisonSpec, optimizers: str | None, out: Path) -> str:
    """The command line that repeats the experiment."""
    words = ["gradgauge", "why", network]
    for name in ("depth", "width"):
        if getattr(spec, name) is not None:
            words += [f"--{name}", str(getattr(spec, name))]
    if spec.dataset != "mnist":
        words += ["--dataset", spec.dataset]
    if spec.train_samples is not None:
        words += ["--train-samples", str(spec.train_samples)]
    words += ["--optimizers", optimizers] if optimizers else []
    words += training_flags(spec.training)
    return joined([*words, *([] if out == DEFAULT_OUT else ["--out", str(out)])])


def _write(result: Why, out: Path, command: str) -> list[Path]:
    """The page, the figures as JSON, and the picture."""
    from gradgauge.report.pages.why import write_why_page
    from gradgauge.report.terminal.why import write_why_images
    from gradgauge.study.why.saved import FIGURES, PAGE
    from gradgauge.writing import write_text_whole

    figures = dumps(_document(result), indent=1)
    path = write_text_whole(out / FIGURES, figures)
    page = write_why_page(result, out / PAGE, language.current(), command)
    return [page, path, *write_why_images(result, out, language.current())]


def read_optimizers(text_: str) -> dict[str, float]:
    """`adam=0.001,momentum=0.01` as optimizer -> rate; one twice is labeled `momentum@0.1`.

    Raises:
        InvalidValue, UnknownName: not of that form, or no such optimizer.
    """
    from gradgauge.parts.optimizers import optimizer
    from gradgauge.spec.checks import positive

    rates: dict[str, float] = {}
    for part in text_.split(","):
        name, _, rate = part.strip().partition("=")
        optimizer(name)
        try:
            value = float(rate)
        except ValueError:
            raise InvalidValue("optimizers", part.strip() or text_, "name_and_rate") from None
        positive("learning_rate", value)
        rates[f"{name}@{rate}" if name in rates else name] = value
    return rates
