"""Where cells are trained: here, on a Ray cluster, on Slurm. Imported when asked for by name."""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import Any

from gradgauge.errors import MissingExtra, UnknownName
from gradgauge.spec.checks import known_options, options_of
from gradgauge.study.sweep.runners.runner import Runner

# Name -> module, class, and the package it needs, which is also the extra's name but for Slurm.
_HOMES = {
    "local": ("gradgauge.study.sweep.runners.local", "LocalRunner", None),
    "ray": ("gradgauge.study.sweep.runners.ray", "RayRunner", "ray"),
    "slurm": ("gradgauge.study.sweep.runners.slurm", "SlurmRunner", "submitit"),
}

RUNNERS = tuple(_HOMES)


def find_runner(name: str, study: Path | str | None = None, **options: Any) -> Runner:
    """The runner called `name`.

    Args:
        name: out of RUNNERS.
        study: the study's folder, for a runner that has to know it.
        options: its own.

    Raises:
        UnknownName: there is none, or it has no such option.
        MissingExtra: its package is not installed.
    """
    if name not in _HOMES:
        raise UnknownName("runner", name, RUNNERS)
    module, kind, package = _HOMES[name]
    if package and importlib.util.find_spec(package) is None:
        raise MissingExtra(f"--runner {name}", name)
    runner = getattr(importlib.import_module(module), kind)
    known = options_of(runner)
    known_options(options, known)
    if study is not None and "folder" in known:
        options.setdefault("folder", study)
    return runner(**options)
