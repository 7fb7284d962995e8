"""`gradgauge theory` in the terminal: figures, what follows from them, and where there is none."""

from __future__ import annotations

from gradgauge.report.terminal.theory.network import print_network
from gradgauge.report.terminal.theory.prediction import (
    print_critical,
    print_growth,
    print_measured_prediction,
    print_prediction,
)
from gradgauge.report.terminal.theory.quantity import print_answer, print_list
from gradgauge.report.terminal.theory.study import print_diagram, print_trainability

__all__ = [
    "print_answer",
    "print_critical",
    "print_diagram",
    "print_growth",
    "print_list",
    "print_measured_prediction",
    "print_network",
    "print_prediction",
    "print_trainability",
]
