"""`gradgauge diagnose`: what is wrong with a training."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from gradgauge.cli import language
from gradgauge.cli.help import Command
from gradgauge.cli.names import FILE
from gradgauge.cli.options import COUNT, data_option, lang_option, option
from gradgauge.cli.progress import Progress
from gradgauge.errors import DataProblem, InvalidValue
from gradgauge.json import dumps
from gradgauge.messages.catalog import sentence
from gradgauge.places import is_there

if TYPE_CHECKING:
    from gradgauge.diagnosis.finding import Diagnosis

EXIT_FAULTY = 1
RECORDING = ".nc"
_PAIRS = (("x_train", "y_train"), ("x", "y"))


@click.command(cls=Command)
@click.argument("model", type=FILE)
@data_option(said="help.option.data")
@option("--epochs", type=COUNT, said="diagnosis.help.epochs")
@option("--batch-size", type=COUNT, said="diagnosis.help.batch_size")
@option("--budget", metavar="N|TIME")
@option("--limit", metavar="RULE.NAME=VALUE", multiple=True)
@option("--off", metavar="RULE", multiple=True)
@option("--prove", metavar="N|TIME", said="diagnosis.help.prove")
@option("--html", type=click.Path(path_type=Path))
@option("--trust", is_flag=True)
@option("--json", is_flag=True)
@option("--quiet", is_flag=True)
@lang_option()
def command(
    model: str,
    dataset: str | None,
    epochs: int | None,
    batch_size: int | None,
    budget: str | None,
    limit: tuple[str, ...],
    off: tuple[str, ...],
    prove: str | None,
    html: Path | None,
    trust: bool,
    json: bool,
    quiet: bool,
    lang: str | None,  # noqa: ARG001
) -> int:
    """Diagnose, print; 0 healthy, 1 faulty."""
    from gradgauge.diagnosis.budget import read_budget
    from gradgauge.diagnosis.limits import limits_with, read_overrides

    limits = read_overrides(limit)
    limits_with(limits)
    read_budget(budget)
    read_budget(prove, "prove")
    if Path(model).suffix == RECORDING:
        given = {"--data": dataset, "--epochs": epochs, "--batch-size": batch_size}
        result = _recorded(
            Path(model),
            {**given, "--budget": budget, "--prove": prove, "--trust": trust},
            limits,
            off,
        )
        _show(result, model, json, quiet, html)
        return 0 if result.healthy else EXIT_FAULTY
    _keep_programs()
    options = {k: v for k, v in (("epochs", epochs), ("batch_size", batch_size)) if v}
    result = _diagnose(model, dataset, trust, quiet, options, limits, off, budget)
    _show(result, model, json, quiet, html)
    if prove is not None and not result.healthy:
        _prove(result, model, dataset, trust, json or quiet, options, prove)
    return 0 if result.healthy else EXIT_FAULTY


def _recorded(
    path: Path, given: dict[str, Any], limits: dict[str, float], off: tuple[str, ...]
) -> Diagnosis:
    """What a saved Run says of itself.

    Raises:
        InvalidValue: an option that only a training has.
        RunFileProblem: it cannot be read.
    """
    from gradgauge.diagnosis.recorded import diagnose_run
    from gradgauge.run import Run

    for name, value in given.items():
        if value:
            raise InvalidValue(name, value, "not_of_a_recording")
    return diagnose_run(Run.load(path), limits, off)


def _diagnose(
    path: str,
    data: str | None,
    trust: bool,
    quiet: bool,
    options: dict[str, Any],
    limits: dict[str, float],
    off: tuple[str, ...],
    budget: str | None,
) -> Diagnosis:
    from gradgauge.diagnosis.loading import load_model

    loaded = load_model(path, trust)
    model, *args = loaded if isinstance(loaded, tuple) else (loaded,)
    if args and isinstance(args[-1], dict):
        options = {**args.pop(), **options}
    if data is not None:
        args += arrays_for(model, data)
    from gradgauge.diagnosis.diagnose import diagnose

    with Progress(quiet) as progress:
        return diagnose(
            model,
            *args,
            budget=budget,
            limits=limits,
            off=off,
            on_progress=progress,
            **options,
        )


def _prove(
    diagnosis: Diagnosis,
    path: str,
    data: str | None,
    trust: bool,
    silent: bool,
    options: dict[str, Any],
    budget: str,
) -> None:
    """Try the first causes one by one; what is trained lies where `remedy` looks for it."""
    from gradgauge.cli.remedy import DEFAULT_OUT
    from gradgauge.diagnosis.budget import read_budget
    from gradgauge.remedies.own.run import proofs

    with Progress(silent) as progress:
        found = proofs(
            path, data, trust, options, diagnosis, read_budget(budget), DEFAULT_OUT, progress
        )
    if silent:
        return
    lang = language.current()
    keys = ["heading"] if found else ["nothing"]
    told = [sentence(f"remedy.proof.{key}", lang) for key in keys]
    told += [proof.sentence(lang) for proof in found]
    told += [sentence("remedy.proof.goes_on", lang)] if found else []
    print("\n".join(told))


def _show(result: Diagnosis, name: str, json: bool, quiet: bool, html: Path | None) -> None:
    lang = language.current()
    if json:
        print(dumps(result.to_json(lang)))
    elif not quiet:
        from gradgauge.report.pages.diagnosis import print_diagnosis

        print_diagnosis(result, name, lang)
    # Last: what cannot be written keeps no finding back.
    if html is not None:
        from gradgauge.report.pages.diagnosis import write_diagnosis

        write_diagnosis(result, name, html, lang)


def arrays_for(model: Any, data: str) -> list[Any]:
    """x and y of a dataset's name, an .npz file or `module:function`, in the model's shape.

    Raises:
        DataProblem: none of them, or without x and y.
    """
    from gradgauge import datasets

    if data in datasets.NAMES:
        known = datasets.load(data)
        return [
            _shaped(model, known.floats(known.x_train).astype(np.float32), known.image_shape),
            known.y_train,
        ]
    from gradgauge.own.loading import call_function
    from gradgauge.spec.notation import looks_like_function

    if looks_like_function(data) and not is_there(data):
        given = call_function(data)
        return list(given) if isinstance(given, (tuple, list)) else [given]
    return _npz(Path(data))


def _shaped(model: Any, x: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Flat images in the shape that the model takes, where that holds as many numbers."""
    wanted = getattr(model, "input_shape", None)
    if isinstance(wanted, tuple) and None not in wanted[1:] and np.prod(wanted[1:]) == x.shape[1]:
        return x.reshape(len(x), *wanted[1:])
    return x.reshape(len(x), *shape) if isinstance(wanted, tuple) and len(wanted) > 2 else x


def _npz(path: Path) -> list[Any]:
    from gradgauge import datasets
    from gradgauge.datasets.npz import read_arrays

    if path.suffix != ".npz" and not is_there(path):
        raise DataProblem(path, "unknown_kind", known=", ".join(datasets.NAMES))
    return list(read_arrays(path, _PAIRS).values())


def _keep_programs() -> None:
    """Let JAX keep what it compiles, so that the same model is diagnosed faster next time."""
    from gradgauge.engine.cache import keep_jax_programs

    keep_jax_programs()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
