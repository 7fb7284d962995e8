"""`gradgauge theory` in the terminal: figures, what follows from them, and where there is none."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from gradgauge.messages.catalog import entries, sentence
from gradgauge.report.words.numbers import NO_VALUE, number
from gradgauge.spec.network import NetworkSpec
from gradgauge.spec.notation import write
from gradgauge.study.theory.agreement import Measured
from gradgauge.study.theory.measurement import Measurement
from gradgauge.study.theory.phase_diagram import PhaseDiagram
from gradgauge.study.theory.trainability import BETWEEN, Trainability
from gradgauge.theory import CriticalPoint, NetworkPrediction, Prediction
from gradgauge.theory.quantities import REQUIRED, Answer, Quantity

_DIGITS = 6
_FIGURES = ("q_star", "chi_grad", "chi_len", "c_star", "xi_q", "xi_c", "trainable_depth")
_AFTER = 10
_MOST_ROWS = 24


def print_prediction(prediction: Prediction, lang: str) -> None:
    """Every figure, every missing one with its reason, and what follows."""
    say = _Page(lang)
    say.heading(_title(prediction, lang))
    rows = [
        [sentence(f"theory.quantity.{name}", lang), number(getattr(prediction, name), _DIGITS)]
        for name in _FIGURES
    ]
    say.table(("quantity", "value"), rows)
    say.notes(prediction.reasons)
    say.lines(follows(prediction, lang))


def print_measured_prediction(
    prediction: Prediction, measurement: Measurement, paths: Sequence[Path], lang: str
) -> None:
    """The prediction beside its measurement, and the rule by which they agree."""
    say = _Page(lang)
    say.heading(_title(prediction, lang))
    say.measured(measurement)
    say.lines(follows(prediction, lang))
    _print_size(say, measurement, lang)
    say.files(paths)


def print_critical(point: CriticalPoint, lang: str) -> None:
    """The critical scale, or why there is none."""
    say = _Page(lang)
    say.heading(
        sentence(
            "theory_command.title.critical",
            lang,
            activation=point.activation,
            sigma_b=number(point.sigma_b),
        )
    )
    if point.sigma_w2 is None:
        say.lines([_sentence(_reason(point.note, lang))])
        return
    rows = [
        [sentence("theory.quantity.sigma_w2_critical", lang), number(point.sigma_w2, _DIGITS)],
        [
            sentence("theory_command.quantity.sigma_w", lang),
            number(math.sqrt(point.sigma_w2), _DIGITS),
        ],
        [sentence("theory.quantity.q_star", lang), number(point.q_star, _DIGITS)],
    ]
    say.table(("quantity", "value"), rows)
    say.lines([_sentence(_reason(point.note, lang))])


def print_growth(
    activation: str, batch: float, growth: float, measurement: Measurement | None, lang: str
) -> None:
    """What batch normalisation does to the gradient."""
    say = _Page(lang)
    say.heading(
        sentence(
            "theory_command.title.batch_norm",
            lang,
            activation=activation,
            batch=number(batch, _DIGITS) if math.isinf(batch) else int(batch),
        )
    )
    if measurement:
        say.measured(measurement)
    else:
        name = sentence("theory.quantity.growth_mean_square", lang)
        say.table(("quantity", "value"), [[name, number(growth, _DIGITS)]])
    say.lines([_course(growth, lang)])
    if measurement:
        _print_size(say, measurement, lang)


def print_list(quantities: Mapping[str, Quantity], lang: str) -> None:
    """Every quantity, what it is, its options and its paper."""
    say = _Page(lang)
    for q in quantities.values():
        options = [_with_default(o, d) for o, d in q.options.items() if o != "activation"]
        if q.options.get("activation") is REQUIRED:
            options.insert(0, "SUBJECT")
        about = sentence(f"theory_command.about.{q.name.replace('-', '_')}", lang)
        say.lines([f"{q.name}: {about}", f"    {' '.join(options) or NO_VALUE}", f"    {q.paper}"])


def print_answer(
    quantity: Quantity,
    values: Mapping[str, Any],
    answer: Answer,
    measurement: Measurement | None,
    lang: str,
) -> None:
    """A quantity's figures by name, and where they come from."""
    say = _Page(lang)
    about = sentence(f"theory_command.about.{quantity.name.replace('-', '_')}", lang)
    say.heading(f"{quantity.name}: {about}")
    if values:
        say.lines([", ".join(f"{name} = {value}" for name, value in values.items())])
    rows = [
        [
            name,
            value if isinstance(value, str) else number(value, _DIGITS),
        ]
        for name, value in answer.figures.items()
    ]
    say.table(("quantity", "value"), rows)
    if kind := answer.figures.get("kind"):
        facts = {n: v if isinstance(v, str) else number(v, 4) for n, v in answer.figures.items()}
        say.lines([sentence(f"theory.advice.{kind}", lang, **facts, **values)])
    say.notes(answer.reasons)
    if measurement:
        say.measured(measurement)
        _print_size(say, measurement, lang)
    say.lines([sentence("theory_command.paper", lang, paper=quantity.paper)])


def print_network(
    network: NetworkSpec,
    prediction: NetworkPrediction,
    inner: Prediction | None,
    measurement: Measurement | None,
    paths: Sequence[Path],
    lang: str,
) -> None:
    """A network layer by layer, and an endless one of its inner layers' kind."""
    say = _Page(lang)
    say.heading(write(network))
    if prediction.reason:
        say.lines([_sentence(_reason(prediction.reason, lang))])
    else:
        shown = _picked(prediction.layers)
        rows = [
            [
                str(row.layer),
                row.activation,
                *(number(x, 4) for x in (row.sigma_w, row.sigma_b, row.q, row.chi_grad)),
                f"{row.decades:+.2f}",
            ]
            for row in shown
        ]
        columns = ("layer", "activation", "sigma_w", "sigma_b", "q", "chi_grad", "decades")
        say.table(columns, rows, ("right", "left"))
        if len(shown) < len(prediction.layers):
            say.lines(
                [
                    sentence(
                        "theory_command.picked",
                        lang,
                        shown=len(shown),
                        count=len(prediction.layers),
                    )
                ]
            )
        say.lines(
            [sentence("theory_command.decades", lang, decades=f"{prediction.decades or 0.0:+.2f}")]
        )
    if measurement:
        say.measured(measurement)
        _print_size(say, measurement, lang)
    say.files(paths)
    if inner:
        say.gap()
        print_prediction(inner, lang)


def print_diagram(diagram: PhaseDiagram, paths: Sequence[Path], lang: str) -> None:
    """How much of the picture is order, how much chaos, and where the line runs."""
    say = _Page(lang)
    say.heading(sentence("theory_command.title.diagram", lang, activation=diagram.activation))
    phases = [p.phase for row in diagram.points for p in row]
    for phase in ("ordered", "chaotic"):
        share = f"{100 * phases.count(phase) / len(phases):.0f}%"
        say.lines(
            [
                sentence(
                    "theory_command.share",
                    lang,
                    share=share,
                    phase=sentence(f"theory_command.chart.{phase}", lang),
                )
            ]
        )
    if diagram.line:
        (w1, b1), (w2, b2) = diagram.line[0], diagram.line[-1]
        say.lines(
            [
                sentence(
                    "theory_command.line",
                    lang,
                    w1=number(w1),
                    b1=number(b1),
                    w2=number(w2),
                    b2=number(b2),
                )
            ]
        )
    else:
        say.lines([sentence("theory_command.chart.no_line", lang)])
    say.files(paths)


def print_trainability(result: Trainability, paths: Sequence[Path], lang: str) -> None:
    """The accuracies as a table, and every edge beside 6 xi_c."""
    say = _Page(lang)
    spec = result.spec
    say.heading(
        sentence(
            "theory_command.title.experiment",
            lang,
            activation=spec.activation,
            dataset=result.dataset,
        )
    )
    found = {(cell.sigma_w, cell.depth): cell.train_accuracy for cell in result.cells}
    rows = [
        [
            number(edge.sigma_w),
            *(f"{found[edge.sigma_w, depth]:.2f}" for depth in sorted(spec.depths)),
            sentence(f"theory_command.edge.{edge.place}", lang, depth=number(edge.depth)),
            number(edge.predicted),
            _verdict(edge.agrees, lang),
        ]
        for edge in result.edges
    ]
    head = ["sigma_w", *(f"={d}" for d in sorted(spec.depths)), "edge", "six_xi", "within"]
    say.table(head, rows)
    say.lines([sentence("theory_command.edge_rule", lang, half=f"{result.half:.2f}")])
    between = [edge for edge in result.edges if edge.place == BETWEEN and edge.ratio]
    for edge in between:
        say.lines(
            [
                sentence(
                    "theory_command.edge_ratio",
                    lang,
                    sigma_w=number(edge.sigma_w),
                    edge=number(edge.depth),
                    predicted=number(edge.predicted),
                    ratio=number(edge.ratio, 2),
                )
            ]
        )
    say.files(paths)


def follows(prediction: Prediction, lang: str) -> list[str]:
    """One sentence each: the phase, the gradient after ten layers, how deep one can go."""
    phase = sentence(f"theory.phase.{prediction.phase}", lang)
    lines = [_sentence(phase), _course(prediction.chi_grad, lang)]
    depth = prediction.trainable_depth
    if depth is None:
        reason = _reason(prediction.reasons.get("trainable_depth"), lang)
        lines.append(sentence("theory_command.follows.depth_none", lang, reason=reason))
    elif math.isinf(depth):
        lines.append(sentence("theory_command.follows.depth_any", lang))
    else:
        lines.append(sentence("theory_command.follows.depth", lang, depth=f"{depth:.0f}"))
    return lines


def _course(growth: float, lang: str) -> str:
    """What a factor of the mean square per layer makes of the norm in ten layers."""
    if math.isinf(growth):
        return sentence("theory_command.follows.grows", lang, layers=_AFTER, factor="inf")
    if abs(growth - 1) < 1e-6:
        return sentence("theory_command.follows.keeps", lang)
    factor = number(growth ** (_AFTER / 2), 3)
    key = "shrinks" if growth < 1 else "grows"
    return sentence(f"theory_command.follows.{key}", lang, layers=_AFTER, factor=factor)


def _title(prediction: Prediction, lang: str) -> str:
    return sentence(
        "theory_command.title.activation",
        lang,
        activation=prediction.activation,
        sigma_w=f"{prediction.sigma_w:g}",
        sigma_b=f"{prediction.sigma_b:g}",
    )


def _print_size(say: _Page, measurement: Measurement, lang: str) -> None:
    size = measurement.size
    say.lines(
        [
            sentence(
                f"theory_command.size{'' if size.settled else '_all'}",
                lang,
                networks=len(measurement.seeds),
                width=size.width,
                layers=size.layers,
                settled=size.settled,
                dropped=size.dropped,
                samples=size.samples,
            ),
            sentence("theory_command.rule", lang),
        ]
    )
    if measurement.estimated:
        say.lines([sentence("theory_command.estimated", lang)])


def _reason(key: str | None, lang: str) -> str:
    """A reason's sentence, from theory's table or this command's."""
    if key is None:
        return ""
    own = f"theory_command.unjudged.{key}"
    return sentence(own if own in entries(lang) else f"theory.reason.{key}", lang)


def _sentence(reason: str) -> str:
    return f"{reason[:1].upper()}{reason[1:]}." if reason else ""


def _verdict(agrees: bool | None, lang: str) -> str:
    key = {None: None, True: "yes", False: "no"}[agrees]
    return sentence(f"theory_command.{key}", lang) if key else NO_VALUE


def _with_default(option: str, default: Any) -> str:
    flag = f"--{option.replace('_', '-')}"
    return flag if default in (REQUIRED, None) else f"{flag} ({default:g})"


def _picked(rows: Sequence[Any]) -> list[Any]:
    """All rows, or the first and last of many."""
    if len(rows) <= _MOST_ROWS:
        return list(rows)
    half = _MOST_ROWS // 2
    return [*rows[:half], *rows[-half:]]


class _Page:
    """Headings, tables and sentences on the terminal, in one language."""

    def __init__(self, lang: str):
        from rich.console import Console

        self.lang, self.console = lang, Console()

    def heading(self, title: str) -> None:
        self.console.print(title, style="bold", highlight=False, markup=False)
        self.gap()

    def gap(self) -> None:
        self.console.print()

    def lines(self, lines: Iterable[str]) -> None:
        for line in lines:
            if line:
                self.console.print(line, highlight=False, markup=False)

    def notes(self, reasons: Mapping[str, str]) -> None:
        """Why figures are missing, infinite or limits: one line a reason."""
        names: dict[str, list[str]] = {}
        for name, key in reasons.items():
            names.setdefault(key, []).append(name)
        self.lines(f"{', '.join(of)}: {_reason(key, self.lang)}." for key, of in names.items())
        if names:
            self.gap()

    def files(self, paths: Sequence[Path]) -> None:
        if paths:
            listed = ", ".join(map(str, paths))
            self.console.print(
                sentence("theory_command.files", self.lang, paths=listed),
                highlight=False,
                markup=False,
                soft_wrap=True,
            )

    def table(
        self, head: Sequence[str], rows: Sequence[Sequence[str]], left: Sequence[str] = ("left",)
    ) -> None:
        """A table whose heads are keys of `theory_command.column`, or text behind `=`."""
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False, header_style="dim")
        for at, key in enumerate(head):
            name = (
                key.removeprefix("=")
                if key.startswith("=") or not key
                else sentence(f"theory_command.column.{key}", self.lang)
            )
            justify: Any = "left" if not key or (at < len(left) and left[at] == "left") else "right"
            table.add_column(name, justify=justify, overflow="fold")
        for row in rows:
            table.add_row(*(Text(cell) for cell in row))
        self.console.print(table)
        self.gap()

    def measured(self, measurement: Measurement) -> None:
        """Every figure: predicted, measured, its interval, whether they agree."""
        rows = [self._measured(figure) for figure in measurement.figures]
        self.table(("quantity", "predicted", "measured", "interval", "agrees"), rows)
        reasons = {f.name: f.reason for f in measurement.figures if f.reason}
        self.notes({k: v for k, v in reasons.items() if v != "no_prediction"})

    def _measured(self, figure: Measured) -> list[str]:
        summary = figure.summary
        interval = summary.interval if summary else None
        known = f"theory.quantity.{figure.name}"
        other = f"theory_command.quantity.{figure.name}"
        return [
            sentence(known if known in entries(self.lang) else other, self.lang),
            number(figure.predicted, 5),
            number(summary.mean, 4) if summary else NO_VALUE,
            f"{number(interval[0], 4)} – {number(interval[1], 4)}" if interval else NO_VALUE,
            _verdict(figure.agrees, self.lang),
        ]
