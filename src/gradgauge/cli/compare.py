"""`gradgauge compare`: the main job."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gradgauge.cli import language
from gradgauge.cli.files import Unwritten
from gradgauge.cli.help import Command
from gradgauge.cli.interrupt import EXIT_INTERRUPTED, kept
from gradgauge.cli.language import text
from gradgauge.cli.names import NETWORK, PRESET
from gradgauge.cli.options import (
    COUNT,
    FROM_ZERO,
    data_option,
    lang_option,
    option,
    training_options,
)
from gradgauge.cli.progress import Progress
from gradgauge.json import dumps
from gradgauge.places import check_folder
from gradgauge.spec.comparison import ComparisonSpec, read_comparison
from gradgauge.spec.notation import looks_like_function

if TYPE_CHECKING:
    from gradgauge.engine.terms import OnRun
    from gradgauge.run import Run
    from gradgauge.study.compare.artifacts import Artifacts
    from gradgauge.study.compare.result import Comparison

DEFAULT_OUT = Path("runs") / "compare"


@click.command(cls=Command)
@click.argument("networks", nargs=-1, type=NETWORK)
@option("--preset", type=PRESET)
@option("--depth", type=COUNT)
@option("--width", type=COUNT)
@data_option()
@option("--train-samples", type=COUNT)
@option("--seeds", type=COUNT)
@option("--seed", type=FROM_ZERO)
@training_options
@option("--out", type=click.Path(path_type=Path), default=DEFAULT_OUT)
@option("--json", is_flag=True)
@option("--quiet", is_flag=True)
@option("--images", is_flag=True)
@option("--no-report", is_flag=True)
@lang_option()
def command(
    networks: tuple[str, ...],
    out: Path,
    json: bool,
    quiet: bool,
    images: bool,
    no_report: bool,
    lang: str | None,  # noqa: ARG001
    **options: Any,
) -> int:
    """Train, write, print; the exit code."""
    began = time.perf_counter()
    spec = read_comparison(networks, **options)
    check_folder(out)
    files = _Files(out)
    comparison = _train(spec, quiet, files.save)
    flags = _flags(out, json, images, no_report)
    artifacts = files.write(comparison, images, not no_report, flags)
    artifacts = replace(artifacts, total_seconds=time.perf_counter() - began)
    if json:
        print(dumps(comparison.to_json(artifacts)))
    elif not quiet:
        from gradgauge.report.terminal.comparison import print_comparison

        print_comparison(comparison, language.current(), artifacts=artifacts)
    files.unwritten.complain()
    if comparison.interrupted:
        return _say_interrupted(artifacts, out)
    if not quiet:
        files.tell_others()
    return 0


class _Files:
    """What a comparison leaves in its folder.

    A file that cannot be written is no reason to lose what was computed: the first such problem
    is kept, for after the results are shown.

    Attributes:
        folder: where.
        saved: name of a network -> its Run's file.
        unwritten: what is missing.
    """

    folder: Path
    saved: dict[str, Path]
    unwritten: Unwritten

    def __init__(self, folder: Path):
        self.folder, self.saved, self.unwritten = folder, {}, Unwritten()

    def save(self, number: int, run: Run) -> None:
        """Write a Run, and note where."""
        with self.unwritten.noting():
            path = run.save(self.folder / f"{file_name(run.name, number + 1)}.nc")
            self.saved[run.name] = path
            kept("errors.interrupted", path=self.folder)

    def write(
        self, comparison: Comparison, images: bool, report: bool, flags: tuple[str, ...]
    ) -> Artifacts:
        """The runs that are not saved yet, the page and the pictures; nothing of a training that
        did not begin."""
        from gradgauge.study.compare.artifacts import Artifacts

        if not any(run.seeds for run in comparison.runs.values()):
            return Artifacts(flags=flags)
        for number, (name, run) in enumerate(comparison.runs.items()):
            if name not in self.saved and self.unwritten.problem is None:
                self.save(number, run)
        paths = tuple(str(self.saved[name]) for name in comparison.runs if name in self.saved)
        artifacts = Artifacts(runs=paths, flags=flags)
        if comparison.interrupted:
            return artifacts
        began = time.perf_counter()
        with self.unwritten.noting():
            if report:
                artifacts = self._write_report(comparison, artifacts)
            if images:
                from gradgauge.report.images import write_images

                write_images(comparison, self.folder, language.current())
        return replace(artifacts, report_seconds=time.perf_counter() - began)

    def _write_report(self, comparison: Comparison, artifacts: Artifacts) -> Artifacts:
        from gradgauge.report.pages.write import write_report

        path = self.folder / "report.html"
        artifacts = with_why(replace(artifacts, report=str(path)), comparison, self.folder)
        with self.unwritten.noting():
            write_report(comparison, path, language.current(), artifacts)
            return artifacts
        return replace(artifacts, report=None)

    def tell_others(self) -> None:
        """Name the Runs of earlier comparisons that lie there, too."""
        others = sorted(set(self.folder.glob("*.nc")) - set(self.saved.values()))
        if others:
            names = ", ".join(path.name for path in others)
            print(text("errors.other_runs", path=self.folder, names=names), file=sys.stderr)


def _train(spec: ComparisonSpec, quiet: bool, on_run: OnRun) -> Comparison:
    from gradgauge.study.compare.run import run_comparison

    if spec.functions:
        from gradgauge.own.loading import choose_backend

        choose_backend()
    with Progress(quiet) as progress:
        return run_comparison(spec, None, progress, on_run)


def with_why(artifacts: Artifacts, comparison: Comparison, folder: Path) -> Artifacts:
    """With the way from a report in `folder` to the page of a `why` about one of its networks."""
    from gradgauge.study.why.saved import find_why

    found = find_why(folder.resolve(), [run.notation for run in comparison.runs.values()])
    if found is None:
        return artifacts
    page, notation = found
    link = Path(os.path.relpath(page, folder.resolve())).as_posix()
    return replace(artifacts, why=link, why_notation=notation)


def file_name(name: str, number: int) -> str:
    """A file's name for a network's: letters, digits, dots and dashes only; of `module:function`
    the function."""
    shown = name.rpartition(":")[2] if looks_like_function(name) else name
    plain = "".join(c if c.isalnum() or c in "._-" else "_" for c in shown)
    return plain if plain == name else f"{number}-{plain[:80]}"


def _flags(out: Path, json: bool, images: bool, no_report: bool) -> tuple[str, ...]:
    """The options of this call that a repetition needs."""
    flags: list[str] = [] if out == DEFAULT_OUT else ["--out", str(out)]
    for name, given in (("--json", json), ("--images", images), ("--no-report", no_report)):
        flags += [name] if given else []
    return tuple(flags)


def _say_interrupted(artifacts: Artifacts, out: Path) -> int:
    """Say what Ctrl-C left."""
    if artifacts.runs:
        print(text("errors.interrupted", path=out), file=sys.stderr)
    else:
        print(text("errors.interrupted_early"), file=sys.stderr)
    return EXIT_INTERRUPTED
