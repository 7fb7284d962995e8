"""What `gradgauge theory` does, mode by mode: ask, write, print; each gives the exit code."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVarTuple

import click

from gradgauge.cli import language
from gradgauge.cli.files import Unwritten
from gradgauge.cli.interrupt import EXIT_INTERRUPTED
from gradgauge.cli.language import text
from gradgauge.cli.progress import Progress
from gradgauge.errors import InvalidValue, UnknownName
from gradgauge.json import dumps, number
from gradgauge.report.terminal import theory as pages
from gradgauge.spec.comparison import seed_range

Options = dict[str, Any]
Arguments = TypeVarTuple("Arguments")


@dataclass(frozen=True)
class Output:
    """Where results go.

    Attributes:
        folder: of the files.
        json: figures on stdout and nothing else.
        quiet: nothing but errors.
        unwritten: what could not be written, said after the figures.
    """

    folder: Path
    json: bool
    quiet: bool
    unwritten: Unwritten = field(default_factory=Unwritten)

    def show(
        self,
        document: dict[str, Any],
        page: Callable[[*Arguments, str], None],
        *arguments: *Arguments,
    ) -> int:
        """The document as JSON, or what `page` prints of the arguments in the chosen language."""
        if self.json:
            print(dumps(document))
        elif not self.quiet:
            page(*arguments, language.current())
        self.unwritten.complain()
        return 0

    def write_json(self, document: dict[str, Any], name: str) -> list[Path]:
        """The figures as a file; none where it cannot be written."""
        from gradgauge.writing import write_text_whole

        figures = dumps(document, indent=1)
        with self.unwritten.noting():
            return [write_text_whole(self.folder / name, figures)]
        return []

    def write_picture(self, spec: Any, name: str) -> list[Path]:
        """A picture as PNG and SVG; none where it cannot be written."""
        from gradgauge.report.rendering import write_png_and_svg

        with self.unwritten.noting():
            return write_png_and_svg(spec, self.folder, name)
        return []


def show_prediction(subject: str, given: Options, measure: bool, output: Output) -> int:
    """q_star to phase; with the measurement beside it."""
    from gradgauge.theory import predict

    found = predict(subject, given.pop("sigma_w", 1.0), given.pop("sigma_b", 0.0))
    document: dict[str, Any] = found.to_json()
    if not measure:
        return output.show(document, pages.print_prediction, found)
    from gradgauge.study.theory.measure import measure_activation

    with Progress(output.quiet, "measuring") as progress:
        measured = measure_activation(found, **_sizes(given), on_progress=progress)
    title = text(
        "theory_command.title.activation",
        activation=subject,
        sigma_w=f"{found.sigma_w:g}",
        sigma_b=f"{found.sigma_b:g}",
    )
    paths = _write_delta(measured, title, output)
    document["measured"] = measured.to_json()
    return output.show(document, pages.print_measured_prediction, found, measured, paths)


def show_critical(subject: str, given: Options, measure: bool, output: Output) -> int:  # noqa: ARG001
    """The critical sigma_w^2 at sigma_b; that there is none is an answer, too."""
    from gradgauge.theory import critical

    point = critical(subject, given.get("sigma_b", 0.0))
    return output.show(point.to_json(), pages.print_critical, point)


def show_batch_norm(subject: str, given: Options, measure: bool, output: Output) -> int:
    """Growth through W -> batch norm -> f."""
    from gradgauge.theory import batch_norm_growth

    batch = _batch(given.pop("batch_norm"))
    growth = batch_norm_growth(subject, batch)
    document: dict[str, Any] = {"growth_mean_square": growth}
    if not measure:
        return output.show(document, pages.print_growth, subject, batch, growth, None)
    from gradgauge.study.theory.measure import measure_batch_norm

    if "samples" in given:
        raise click.UsageError(
            text("theory_command.errors.both", first="--batch-norm", second="--samples")
        )
    with Progress(output.quiet, "measuring") as progress:
        measured = measure_batch_norm(subject, batch, **_sizes(given), on_progress=progress)
    document["measured"] = measured.to_json()
    return output.show(document, pages.print_growth, subject, batch, growth, measured)


def show_list(json: bool) -> int:
    """The names of all quantities."""
    from gradgauge.theory.quantities import QUANTITIES

    rows = {
        q.name: {"options": [_flag(o) for o in q.options if o != "activation"], "paper": q.paper}
        for q in QUANTITIES.values()
    }
    return Output(Path(), json, False).show(rows, pages.print_list, QUANTITIES)


def show_quantity(subject: str | None, given: Options, measure: bool, output: Output) -> int:
    """A quantity by its name."""
    from gradgauge.theory.quantities import QUANTITIES

    name = given.pop("quantity")
    if name not in QUANTITIES:
        raise UnknownName("quantity", name, [*QUANTITIES, "list"])
    quantity = QUANTITIES[name]
    extra = ("seeds", "seed") if measure else ()
    known = [option for option in quantity.options if option != "activation"]
    for option in given:
        if option not in (*known, *extra):
            taken = ", ".join(map(_flag, known)) or text("theory_command.none")
            raise click.UsageError(
                text(
                    "theory_command.errors.not_of_quantity",
                    option=_flag(option),
                    name=name,
                    known=taken,
                )
            )
    values = {k: v for k, v in given.items() if k not in extra}
    if "activation" in quantity.options and subject is not None:
        values["activation"] = subject
    elif subject is not None and "activation" not in quantity.options:
        raise click.UsageError(text("theory_command.errors.no_subject", name=name, subject=subject))
    for need in quantity.needs:
        if need not in values:
            missing = "SUBJECT" if need == "activation" else _flag(need)
            raise click.UsageError(text("theory_command.errors.needs", name=name, option=missing))
    answer = quantity(**values)
    document: dict[str, Any] = answer.to_json()
    measured = None
    if measure:
        measured = _measure_quantity(name, values, given, output)
        document["measured"] = measured.to_json()
    return output.show(document, pages.print_answer, quantity, values, answer, measured)


def _measure_quantity(name: str, values: Options, given: Options, output: Output) -> Any:
    from gradgauge.study.theory import measure as study

    if name != "finite-width":
        raise click.UsageError(text("theory_command.errors.not_measured", name=name))
    seeds = seed_range(given.get("seeds", study.WALKS), given.get("seed", 0))
    with Progress(output.quiet, "measuring") as progress:
        return study.measure_log_norm(
            values.get("activation", "relu"),
            values["width"],
            values.get("depth", 1),
            values.get("sigma_w"),
            seeds,
            progress,
        )


def show_network(subject: str, given: Options, measure: bool, output: Output) -> int:
    """A network layer by layer; its inner layers as an endless network of their kind."""
    from gradgauge.spec.notation import parse, write
    from gradgauge.theory import predict_network

    network = parse(subject)
    measured, paths = None, []
    if measure:
        from gradgauge.study.theory.measure import measure_network

        sizes = _sizes(given)
        with Progress(output.quiet, "measuring") as progress:
            found, measured = measure_network(network, **sizes, on_progress=progress)
        if measured.delta is not None:
            paths = _write_delta(measured, write(network), output, "predicted_layers")
    else:
        found = predict_network(network)
    inner = _inner(network)
    document: dict[str, Any] = {
        "notation": write(network),
        **found.to_json(),
        "decades": number(found.decades),
        "inner": inner.to_json() if inner else None,
    }
    if measured:
        document["measured"] = measured.to_json()
    return output.show(document, pages.print_network, network, found, inner, measured, paths)


def _inner(network: Any) -> Any:
    """The prediction at the inner layers' sigmas, where all of them have one activation and no
    normalization or skip changes the way; None otherwise."""
    from gradgauge.theory import layer_sigmas, predict

    plain = network.norm == "none" and not network.skip and network.init != "constant"
    pairs = {(round(w, 12), round(b, 12)) for w, b in layer_sigmas(network)[1:-1]}
    if not plain or len(set(network.activations)) > 1 or len(pairs) != 1:
        return None
    return predict(network.activations[0], *layer_sigmas(network)[1])


def show_diagram(subject: str, given: Options, measure: bool, output: Output) -> int:  # noqa: ARG001
    """Order, chaos and the critical line."""
    from gradgauge.report.charts.theory import diagram_chart, diagram_data, framed
    from gradgauge.study.theory.phase_diagram import COLUMNS, phase_diagram

    with Progress(output.quiet, "computing") as progress:
        found = phase_diagram(
            subject,
            given.get("points", COLUMNS),
            given.get("sigma_w"),
            given.get("sigma_b"),
            progress,
        )
    lang = language.current()
    body = diagram_chart(diagram_data(found), found.line, lang)
    title = text("theory_command.title.diagram", activation=subject)
    keys = ["line" if found.line else "no_line"]
    if any(point.xi_c is None for row in found.points for point in row):
        keys.append("grey")
    spec = framed(body, title, " ".join(text(f"theory_command.chart.{key}") for key in keys))
    document = found.to_json()
    paths = output.write_json(document, "phase_diagram.json")
    paths += output.write_picture(spec, "phase_diagram")
    return output.show(document, pages.print_diagram, found, paths)


def show_experiment(subject: str, given: Options, measure: bool, output: Output) -> int:  # noqa: ARG001
    """Train over depth and sigma_w, and lay 6 xi_c over the accuracy."""
    from gradgauge.report.charts.theory import framed
    from gradgauge.report.charts.trainability import trainability_chart, trainability_data

    spec, name = _experiment(subject, given)
    from gradgauge import datasets
    from gradgauge.study.theory.train_map import trainability

    data = datasets.load(name)
    with Progress(output.quiet) as progress:
        result = trainability(spec, data, progress)
    if result.interrupted:
        print(text("errors.interrupted_early"), file=sys.stderr)
        return EXIT_INTERRUPTED
    body = trainability_chart(trainability_data(result), spec.depths, language.current())
    title = text("theory_command.title.experiment", activation=subject, dataset=data.name)
    subtitle = text(
        "theory_command.title.experiment_size",
        width=spec.width,
        samples=len(data.x_train[: spec.train_samples]),
        epochs=spec.training.epochs,
        sigma_b=f"{spec.sigma_b:.3g}",
    )
    document = result.to_json()
    paths = output.write_json(document, "trainability.json")
    paths += output.write_picture(framed(body, title, subtitle), "trainability")
    return output.show(document, pages.print_trainability, result, paths)


def _experiment(subject: str, given: Options) -> tuple[Any, str]:
    """The experiment's spec and the dataset's name."""
    from gradgauge.study.theory.trainability import TrainabilitySpec

    fields: Options = {
        name: given[name]
        for name in ("sigma_b", "width", "train_samples", "test_samples")
        if name in given
    }
    kinds: dict[str, type] = {"sigma_ws": float, "rates": float, "depths": int}
    fields |= {name: _numbers(name, given[name], kinds[name]) for name in kinds if name in given}
    spec = TrainabilitySpec(activation=subject, **fields)
    changes = {k: given[k] for k in ("optimizer", "batch_size", "epochs") if k in given}
    seeds = seed_range(given.get("seeds", 1), given.get("seed", 0))
    training = spec.training.replace(seeds=seeds, **changes)
    return TrainabilitySpec(activation=subject, training=training, **fields), given.get(
        "dataset", "mnist"
    )


def _numbers(name: str, listed: str, kind: type) -> tuple[Any, ...]:
    """`1,1.33,2` as numbers."""
    try:
        return tuple(kind(part) for part in listed.split(","))
    except ValueError:
        raise InvalidValue(name, listed, "numbers_with_commas") from None


def _batch(given: str) -> float:
    if given == "inf":
        return math.inf
    try:
        return int(given)
    except ValueError:
        raise InvalidValue("batch_norm", given, "whole_number_or_inf") from None


def _sizes(given: Options) -> Options:
    """width, depth, samples and the seeds themselves, as far as given."""
    from gradgauge.study.theory.measure import SEEDS

    sizes = {k: given[k] for k in ("width", "depth", "samples") if k in given}
    return {**sizes, "seeds": seed_range(given.get("seeds", SEEDS), given.get("seed", 0))}


def _write_delta(
    measured: Any, title: str, output: Output, predicted_by: str = "predicted"
) -> list[Path]:
    """The picture of chi_grad^depth beside the measured delta_norm."""
    from gradgauge.report.charts.theory import delta_chart, delta_data, framed

    delta = measured.delta
    body = delta_chart(delta_data(delta), language.current(), delta.dropped, predicted_by)
    return output.write_picture(framed(body, title), "delta_norm")


def _flag(option: str) -> str:
    return f"--{option.replace('_', '-')}"
