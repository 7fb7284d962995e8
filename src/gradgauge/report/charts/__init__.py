"""Every chart. To add one: a file here, a line in CHARTS, its sentences in both languages."""

from __future__ import annotations

from gradgauge.report.charts.chart import Chart
from gradgauge.report.charts.course import COURSE
from gradgauge.report.charts.evolution import EVOLUTION
from gradgauge.report.charts.gains import GAINS
from gradgauge.report.charts.learning import LEARNING
from gradgauge.report.charts.signal import SIGNAL
from gradgauge.report.charts.units import UNITS
from gradgauge.study.compare.result import Comparison

CHARTS: tuple[Chart[Comparison], ...] = (SIGNAL, LEARNING, EVOLUTION, COURSE, GAINS, UNITS)
"""In the order of the page."""
