"""Trainings of one network with several seeds, side by side as one Run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gradgauge.run import Run, RunGroup

_AXES = {"steps": "step", "probes": "probe_step", "epochs": "epoch"}


def stacked(runs: Sequence[Run], seeds: Sequence[int], attributes: Mapping[str, Any]) -> Run:
    """One Run with a member a seed.

    Steps that a member did not reach, because it broke off, are NaN.

    Args:
        runs: of one member each, of one network: their layers are the same.
        seeds: one a Run.
        attributes: what the Run says of itself, over what the first of `runs` says.
    """
    member = {"member": np.array(seeds, np.int64)}
    figures = {
        name: (("member",), np.concatenate([run.figure(name) for run in runs]))
        for name in runs[0].members.variables
    }
    groups = {
        name: _group([run.groups[name] for run in runs], axis) for name, axis in _AXES.items()
    }
    groups = {
        name: RunGroup({**member, **group.coords}, group.variables)
        for name, group in groups.items()
    }
    return Run({**runs[0].attributes, **attributes}, RunGroup(member, figures), groups)


def _group(parts: Sequence[RunGroup], axis: str) -> RunGroup:
    """The parts' variables along one member axis, each at its own steps of their common axis."""
    common = np.unique(np.concatenate([part.coords[axis] for part in parts]))
    rest = {
        name: values for name, values in parts[0].coords.items() if name not in (axis, "member")
    }
    names = dict.fromkeys(name for part in parts for name in part.variables)
    variables = {}
    for name in names:
        axes, first = next(part.variables[name] for part in parts if name in part.variables)
        whole = np.full((len(parts), len(common), *first.shape[2:]), np.nan)
        for number, part in enumerate(parts):
            if name in part.variables:
                places = np.searchsorted(common, part.coords[axis])
                whole[number, places] = part.variables[name][1][0]
        variables[name] = (axes, whole)
    return RunGroup({axis: common, **rest}, variables)
