"""Many points at once: the phase diagram, and how deep networks can be trained."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gradgauge.report.terminal.theory.page import Page
from gradgauge.report.words.numbers import number
from gradgauge.study.theory.phase_diagram import PhaseDiagram
from gradgauge.study.theory.trainability import BETWEEN, Trainability


def print_diagram(diagram: PhaseDiagram, paths: Sequence[Path], lang: str) -> None:
    """How much of the picture is order, how much chaos, and where the line runs."""
    page = Page(lang)
    page.heading(page.say("theory_command.title.diagram", activation=diagram.activation))
    phases = [point.phase for row in diagram.points for point in row]
    for phase in ("ordered", "chaotic"):
        share = f"{100 * phases.count(phase) / len(phases):.0f}%"
        page.lines(
            page.say(
                "theory_command.share", share=share, phase=page.say(f"theory_command.chart.{phase}")
            )
        )
    page.lines(_line(page, diagram))
    page.files(paths)


def _line(page: Page, diagram: PhaseDiagram) -> str:
    if not diagram.line:
        return page.say("theory_command.chart.no_line")
    (w1, b1), (w2, b2) = diagram.line[0], diagram.line[-1]
    return page.say(
        "theory_command.line", w1=number(w1), b1=number(b1), w2=number(w2), b2=number(b2)
    )


def print_trainability(result: Trainability, paths: Sequence[Path], lang: str) -> None:
    """The accuracies as a table, and every edge beside 6 xi_c."""
    page = Page(lang)
    spec = result.spec
    page.heading(
        page.say(
            "theory_command.title.experiment", activation=spec.activation, dataset=result.dataset
        )
    )
    found = {(cell.sigma_w, cell.depth): cell.train_accuracy for cell in result.cells}
    rows = [
        [
            number(edge.sigma_w),
            *(f"{found[edge.sigma_w, depth]:.2f}" for depth in sorted(spec.depths)),
            page.say(f"theory_command.edge.{edge.place}", depth=number(edge.depth)),
            number(edge.predicted),
            page.verdict(edge.agrees),
        ]
        for edge in result.edges
    ]
    depths = [f"={depth}" for depth in sorted(spec.depths)]
    page.table(["sigma_w", *depths, "edge", "six_xi", "within"], rows)
    page.lines(page.say("theory_command.edge_rule", half=f"{result.half:.2f}"))
    for edge in result.edges:
        if edge.place == BETWEEN and edge.ratio:
            figures = {
                "sigma_w": number(edge.sigma_w),
                "edge": number(edge.depth),
                "predicted": number(edge.predicted),
                "ratio": number(edge.ratio, 2),
            }
            page.lines(page.say("theory_command.edge_ratio", **figures))
    page.files(paths)
