"""gradgauge: see, measure and explain gradient flow in deep networks.

Public names are loaded on first use: importing the package takes milliseconds.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

from gradgauge._version import __version__

if TYPE_CHECKING:
    from gradgauge import practical as practical
    from gradgauge import theory as theory
    from gradgauge.datasets import Dataset as Dataset
    from gradgauge.datasets import load as load_dataset
    from gradgauge.diagnosis.diagnose import diagnose as diagnose
    from gradgauge.diagnosis.finding import Diagnosis as Diagnosis
    from gradgauge.diagnosis.finding import Finding as Finding
    from gradgauge.errors import GradgaugeError as GradgaugeError
    from gradgauge.export.jsonl import JsonlWriter as JsonlWriter
    from gradgauge.export.tensorboard import TensorBoardWriter as TensorBoardWriter
    from gradgauge.parts.activations import ACTIVATIONS as ACTIVATIONS
    from gradgauge.play.watched import PlayListener as PlayListener
    from gradgauge.play.widget import PlayWidget as PlayWidget
    from gradgauge.remedies.result import RemedyResult as RemedyResult
    from gradgauge.remedies.run import remedy as remedy
    from gradgauge.report.closing import ReportWriter as ReportWriter
    from gradgauge.report.images import write_picture as write_picture
    from gradgauge.report.pages.write import write_report as write_report
    from gradgauge.report.terminal.live import LiveTable as LiveTable
    from gradgauge.run import Run as Run
    from gradgauge.spec.network import NetworkSpec as NetworkSpec
    from gradgauge.spec.notation import parse as parse
    from gradgauge.spec.training import TrainingSpec as TrainingSpec
    from gradgauge.study.compare.result import Comparison as Comparison
    from gradgauge.study.compare.run import compare as compare
    from gradgauge.study.compare.saved import load_comparison as load_comparison
    from gradgauge.study.sweep.results import Study as Study
    from gradgauge.study.sweep.results import load_study as load_study
    from gradgauge.study.sweep.run import sweep as sweep
    from gradgauge.study.why.result import Why as Why
    from gradgauge.study.why.run import why as why
    from gradgauge.watchers.dispatch import watch as watch
    from gradgauge.watchers.watcher import Watcher as Watcher

_HOMES = {
    "ACTIVATIONS": "gradgauge.parts.activations:ACTIVATIONS",
    "Comparison": "gradgauge.study.compare.result:Comparison",
    "Dataset": "gradgauge.datasets:Dataset",
    "Diagnosis": "gradgauge.diagnosis.finding:Diagnosis",
    "Finding": "gradgauge.diagnosis.finding:Finding",
    "GradgaugeError": "gradgauge.errors:GradgaugeError",
    "JsonlWriter": "gradgauge.export.jsonl:JsonlWriter",
    "LiveTable": "gradgauge.report.terminal.live:LiveTable",
    "NetworkSpec": "gradgauge.spec.network:NetworkSpec",
    "PlayListener": "gradgauge.play.watched:PlayListener",
    "PlayWidget": "gradgauge.play.widget:PlayWidget",
    "RemedyResult": "gradgauge.remedies.result:RemedyResult",
    "ReportWriter": "gradgauge.report.closing:ReportWriter",
    "Run": "gradgauge.run:Run",
    "Study": "gradgauge.study.sweep.results:Study",
    "TensorBoardWriter": "gradgauge.export.tensorboard:TensorBoardWriter",
    "TrainingSpec": "gradgauge.spec.training:TrainingSpec",
    "Watcher": "gradgauge.watchers.watcher:Watcher",
    "Why": "gradgauge.study.why.result:Why",
    "compare": "gradgauge.study.compare.run:compare",
    "diagnose": "gradgauge.diagnosis.diagnose:diagnose",
    "load_comparison": "gradgauge.study.compare.saved:load_comparison",
    "load_dataset": "gradgauge.datasets:load",
    "load_study": "gradgauge.study.sweep.results:load_study",
    "parse": "gradgauge.spec.notation:parse",
    "practical": "gradgauge.practical:",
    "remedy": "gradgauge.remedies.run:remedy",
    "sweep": "gradgauge.study.sweep.run:sweep",
    "theory": "gradgauge.theory:",
    "watch": "gradgauge.watchers.dispatch:watch",
    "why": "gradgauge.study.why.run:why",
    "write_picture": "gradgauge.report.images:write_picture",
    "write_report": "gradgauge.report.pages.write:write_report",
}
"""Public name -> `module:name` where it lives, `module:` for a module; the imports above for
type checkers say the same, and a test holds them together."""

__all__ = [
    "ACTIVATIONS",
    "Comparison",
    "Dataset",
    "Diagnosis",
    "Finding",
    "GradgaugeError",
    "JsonlWriter",
    "LiveTable",
    "NetworkSpec",
    "PlayListener",
    "PlayWidget",
    "RemedyResult",
    "ReportWriter",
    "Run",
    "Study",
    "TensorBoardWriter",
    "TrainingSpec",
    "Watcher",
    "Why",
    "__version__",
    "compare",
    "diagnose",
    "load_comparison",
    "load_dataset",
    "load_study",
    "parse",
    "practical",
    "remedy",
    "sweep",
    "theory",
    "watch",
    "why",
    "write_picture",
    "write_report",
]


def __getattr__(name: str) -> object:
    try:
        module, _, attribute = _HOMES[name].partition(":")
    except KeyError:
        raise AttributeError(f"module 'gradgauge' has no attribute '{name}'") from None
    home = importlib.import_module(module)
    return getattr(home, attribute) if attribute else home


def __dir__() -> list[str]:
    return sorted(__all__)


if "IPython" in sys.modules:  # a notebook shows a Comparison as table and charts
    importlib.import_module("gradgauge.report.notebook").register()
