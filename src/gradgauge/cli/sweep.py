"""`gradgauge sweep`: a plan's cells, each exactly once, whatever dies on the way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gradgauge.cli.help import Command
from gradgauge.cli.interrupt import EXIT_INTERRUPTED, kept, what_is_kept
from gradgauge.cli.language import text
from gradgauge.cli.names import FILE
from gradgauge.cli.options import COUNT, lang_option, option
from gradgauge.cli.progress import Progress, duration
from gradgauge.errors import EXIT_WRONG_USE, InvalidValue

if TYPE_CHECKING:
    from gradgauge.study.sweep.estimate import Estimate

EXIT_FAILED = 1


class WrongUse(click.ClickException):
    """An argument that is missing or one too many, as a sentence of the catalogue."""

    exit_code = EXIT_WRONG_USE


@click.command(cls=Command, below="sweep.epilog")
@click.argument("plan", required=False, type=FILE)
@option("--out", metavar="DIR", said="sweep.option.out")
@option("--dry-run", is_flag=True)
@option("--yes", is_flag=True)
@option("--runner", default="local", metavar="local|ray|slurm")
@option("--address")
@option("--jobs", type=COUNT)
@option("--slurm", multiple=True, metavar="KEY=VALUE")
@option("--retry", is_flag=True)
@option("--status", metavar="DIR")
@option("--export", metavar="FILE")
@option("--json", "as_json", is_flag=True, said="sweep.option.json")
@option("--quiet", is_flag=True)
@lang_option()
def command(  # noqa: D103
    plan: str | None,
    out: str | None,
    dry_run: bool,
    yes: bool,
    status: str | None,
    export: str | None,
    as_json: bool,
    quiet: bool,
    lang: str | None,  # noqa: ARG001
    **choices: Any,
) -> int:
    if export:
        from gradgauge.study.sweep.results import check_export

        check_export(export)
    if status is not None:
        if plan is not None:
            raise WrongUse(text("sweep.plan_and_status"))
        return _status(status, export, as_json)
    if plan is None:
        raise WrongUse(text("errors.missing_argument", name="PLAN.toml"))
    if dry_run:
        return _dry_run(plan, as_json)
    folder = out or str(Path("runs") / Path(plan).stem)
    return _sweep(plan, folder, yes, export, as_json, quiet, **choices)


def _status(folder: str, export: str | None, as_json: bool) -> int:
    from gradgauge.study.sweep.store import status

    _show(folder, status(folder), as_json)
    if export:
        _export(folder, export, as_json)
    return 0


def _show(folder: str, counts: dict[str, int], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(counts))
    else:
        click.echo(text("sweep.status", folder=folder, **counts))


def _export(folder: str, export: str, quiet: bool) -> None:
    from gradgauge.study.sweep.results import load_study

    path = load_study(folder).export(export)
    if not quiet:
        click.echo(text("sweep.exported", path=path))


def _dry_run(plan: str, as_json: bool) -> int:
    from gradgauge.study.sweep.run import PreparedSweep

    ready = PreparedSweep(plan)
    ready.check_memory()
    found = ready.estimate()
    click.echo(json.dumps(_estimate_json(found)) if as_json else _estimate_text(found))
    return 0


def _estimate_json(found: Estimate) -> dict[str, Any]:
    return {
        "cells": found.cells,
        "compilations": found.compilations,
        "seconds": found.seconds,
        "memory_bytes": round(found.memory),
        "disk_bytes": round(found.disk),
        "timed": {"cells": found.timed_cells, "seconds": found.timed_seconds},
    }


def _estimate_text(found: Estimate) -> str:
    return text(
        "sweep.estimate",
        cells=f"{found.cells:,}",
        compilations=f"{found.compilations:,}",
        duration=duration(found.seconds or 0.0),
        memory=_bytes(found.memory),
        disk=_bytes(found.disk),
        timed=found.timed_cells,
        seconds=f"{found.timed_seconds:.1f}",
    )


def _bytes(number: float) -> str:
    return f"{number / 1e9:.1f} GB" if number >= 1e9 else f"{max(number / 1e6, 0.1):.1f} MB"


def _sweep(
    plan: str,
    out: str,
    yes: bool,
    export: str | None,
    as_json: bool,
    quiet: bool,
    **choices: Any,
) -> int:
    from gradgauge.study.sweep.plan_file import read_plan
    from gradgauge.study.sweep.run import ASK_ABOVE, TooMany, sweep

    read = read_plan(plan)
    if read.cells > ASK_ABOVE and not yes:
        raise TooMany(read.cells)
    options = _runner_options(**choices)
    kept("sweep.interrupted", folder=out)
    try:
        with Progress(quiet or as_json) as progress:
            counts = sweep(
                read,
                out,
                choices["runner"],
                on_progress=progress,
                retry=choices["retry"],
                **options,
            )
    except KeyboardInterrupt:
        click.echo(what_is_kept(), err=True)
        return EXIT_INTERRUPTED
    if as_json or not quiet:
        _show(out, counts, as_json)
    if counts["failed"] and not quiet:
        click.echo(text("sweep.some_failed", folder=out, failed=counts["failed"]), err=True)
    if export:
        _export(out, export, quiet or as_json)
    return EXIT_FAILED if counts["failed"] else 0


def _runner_options(
    runner: str, address: str | None, jobs: int | None, slurm: tuple[str, ...], **_: Any
) -> dict[str, Any]:
    """The chosen runner's own options."""
    given: dict[str, dict[str, Any]] = {
        "ray": {"address": address, "jobs": jobs},
        "slurm": {"jobs": jobs, "parameters": dict(map(_parameter, slurm))},
    }
    for name, value, needs in (
        ("--address", address, ("ray",)),
        ("--jobs", jobs, ("ray", "slurm")),
        ("--slurm", " ".join(slurm) or None, ("slurm",)),
    ):
        if value is not None and runner not in needs:
            raise InvalidValue(name, value, "plan_only_with_runner", runners=", ".join(needs))
    return given.get(runner, {})


def _parameter(written: str) -> tuple[str, str | int]:
    name, equals, value = written.partition("=")
    if not equals or not name:
        raise InvalidValue("--slurm", written, "plan_key_and_value")
    return name, int(value) if value.lstrip("-").isdecimal() else value
