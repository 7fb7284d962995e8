"""gradgauge: see, measure and explain gradient flow in deep networks.

Public names are loaded on first use: importing the package takes milliseconds.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "ACTIVATIONS": "gradgauge.parts.activations",
    "Comparison": "gradgauge.study.compare",
    "GradgaugeError": "gradgauge.errors",
    "NetworkSpec": "gradgauge.spec.network",
    "Run": "gradgauge.run",
    "TrainingSpec": "gradgauge.spec.training",
    "compare": "gradgauge.study.compare",
    "load_dataset": "gradgauge.datasets",
    "load_study": "gradgauge.study.results",
    "parse": "gradgauge.spec.notation",
    "sweep": "gradgauge.study.sweep",
    "write_report": "gradgauge.report.html",
}

__all__ = [*_HOMES, "__version__"]


def __getattr__(name: str) -> Any:
    try:
        home = _HOMES[name]
    except KeyError:
        raise AttributeError(f"module 'gradgauge' has no attribute '{name}'") from None
    return getattr(importlib.import_module(home), name)


def __dir__() -> list[str]:
    return sorted(__all__)
