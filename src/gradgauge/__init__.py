"""gradgauge: see, measure and explain gradient flow in deep networks.

Public names are loaded on first use: importing the package takes milliseconds.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "ACTIVATIONS": "gradgauge.parts.activations:ACTIVATIONS",
    "Comparison": "gradgauge.study.compare.run:Comparison",
    "GradgaugeError": "gradgauge.errors:GradgaugeError",
    "NetworkSpec": "gradgauge.spec.network:NetworkSpec",
    "Run": "gradgauge.run:Run",
    "TrainingSpec": "gradgauge.spec.training:TrainingSpec",
    "compare": "gradgauge.study.compare.run:compare",
    "diagnose": "gradgauge.diagnosis.diagnose:diagnose",
    "load_dataset": "gradgauge.datasets:load",
    "load_study": "gradgauge.study.sweep.results:load_study",
    "parse": "gradgauge.spec.notation:parse",
    "sweep": "gradgauge.study.sweep.run:sweep",
    "watch": "gradgauge.watchers.dispatch:watch",
    "why": "gradgauge.study.why.run:why",
    "write_picture": "gradgauge.report.images:write_picture",
    "write_report": "gradgauge.report.pages.write:write_report",
}
"""Public name -> `module:name` where it lives."""

__all__ = [*_HOMES, "__version__"]


def __getattr__(name: str) -> Any:
    try:
        module, _, attribute = _HOMES[name].partition(":")
    except KeyError:
        raise AttributeError(f"module 'gradgauge' has no attribute '{name}'") from None
    return getattr(importlib.import_module(module), attribute)


def __dir__() -> list[str]:
    return sorted(__all__)


if "IPython" in sys.modules:  # a notebook shows a Comparison as table and charts
    importlib.import_module("gradgauge.report.notebook").register()
