"""`gradgauge remedy`: try what answers the findings, and prove one."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gradgauge.cli import language
from gradgauge.cli.files import Unwritten
from gradgauge.cli.help import Command
from gradgauge.cli.interrupt import EXIT_INTERRUPTED, kept
from gradgauge.cli.language import text
from gradgauge.cli.names import TARGET
from gradgauge.cli.options import (
    COUNT,
    FROM_ZERO,
    data_option,
    lang_option,
    option,
    training_options,
)
from gradgauge.cli.progress import Progress
from gradgauge.places import check_folder
from gradgauge.spec.shell import joined

if TYPE_CHECKING:
    from gradgauge.remedies.plan import TrialPlan
    from gradgauge.remedies.result import RemedyResult

DEFAULT_OUT = Path("runs") / "remedy"


@click.command(cls=Command)
@click.argument("target", type=TARGET)
@data_option()
@option("--budget", metavar="N|TIME", said="remedy.help.budget")
@option("--depth", type=COUNT)
@option("--width", type=COUNT)
@option("--seed", type=FROM_ZERO)
@training_options
@option("--trust", is_flag=True)
@option(
    "--out", type=click.Path(path_type=Path), default=DEFAULT_OUT, said="help.option.remedy_out"
)
@option("--json", is_flag=True)
@option("--quiet", is_flag=True)
@lang_option()
def command(
    target: str,
    out: Path,
    json: bool,
    quiet: bool,
    lang: str | None,  # noqa: ARG001
    **options: Any,
) -> int:
    """Diagnose, try, prove, print; 0 nothing to repair or repaired, 1 nothing proved."""
    check_folder(out)
    options = {name: value for name, value in options.items() if value is not None}
    result = _try(target, out, json or quiet, options)
    paths, unwritten = list[Path](), Unwritten()
    with unwritten.noting():
        paths = _write(result, out, _command(target, out, options))
    if json:
        from gradgauge.json import dumps

        print(dumps(result.to_json(language.current()), indent=1))
    elif not quiet:
        from gradgauge.report.terminal.remedy import print_remedy

        print_remedy(result, language.current(), paths)
    unwritten.complain()
    return EXIT_INTERRUPTED if result.interrupted and not result.seconds_ended else result.exit_code


def _try(target: str, out: Path, silent: bool, options: dict[str, Any]) -> RemedyResult:
    from gradgauge.remedies.own.arguments import names_own
    from gradgauge.remedies.run import remedy

    kept("remedy.kept", folder=out)
    with Progress(silent, "trying") as progress:

        def tell(plan: TrialPlan, seconds: float) -> None:
            progress.announce(_estimate(plan, seconds, names_own(target)))

        return remedy(target, out=out, on_progress=progress, on_estimate=tell, **options)


def _estimate(plan: TrialPlan, seconds: float, own: bool) -> str:
    """Of one's own models compiling is timed, too; the engine's programs are shared by all."""
    return text(
        "remedy.estimate",
        trainings=math.ceil(plan.trainings),
        remedies=plan.remedies,
        candidates=2 * plan.candidates,
        seeds=plan.seeds,
        time=text(
            f"remedy.{'seconds' if own else 'seconds_and_compiling'}", seconds=math.ceil(seconds)
        ),
    )


def _write(result: RemedyResult, out: Path, command: str) -> list[Path]:
    """The figures as JSON, the page, the picture where there is something to show; with them the
    Runs, which the trial has written."""
    from gradgauge.json import dumps
    from gradgauge.remedies.store import run_path
    from gradgauge.report.pages.remedy import write_remedy_page
    from gradgauge.report.remedy_files import write_remedy_images
    from gradgauge.writing import write_text_whole

    lang = language.current()
    paths = (run_path(out, arm.candidate) for arm in result.arms if arm.is_confirmed)
    runs = [path for path in paths if path.is_file()]
    figures = write_text_whole(out / "remedy.json", dumps(result.to_json(lang), indent=1))
    page = write_remedy_page(result, out / "report.html", lang, command, runs)
    return [figures, page, *write_remedy_images(result, out, lang), *runs]


def _command(target: str, out: Path, options: dict[str, Any]) -> str:
    """The command line that repeats the trial."""
    words = ["gradgauge", "remedy", target]
    for name, value in options.items():
        if value is not False:
            flag = f"--{name.replace('_', '-')}"
            words += [flag] if value is True else [flag, f"{value}"]
    return joined([*words, *([] if out == DEFAULT_OUT else ["--out", str(out)])])
