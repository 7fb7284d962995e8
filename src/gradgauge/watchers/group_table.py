"""What is recorded of parameter groups, step by step; there may be more of them later on."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from gradgauge.parameter_groups import GROUP_QUANTITIES, PARAMETER_GROUPS, ParameterGroup
from gradgauge.run import MOST_STEPS, RunGroup
from gradgauge.watchers.series import Series


class GroupTable:
    """The groups, and their figures by step.

    Attributes:
        groups: in the order in which they came.
    """

    groups: list[ParameterGroup]

    def __init__(self) -> None:
        self.groups = []
        self._series = Series(MOST_STEPS)

    def put(self, step: int, figures: Mapping[str, np.ndarray]) -> None:
        """GROUP_QUANTITIES of a step, each (groups,); NaN where a group was not moved in it."""
        self._series.put(step, figures)

    def as_group(self, member: Mapping[str, np.ndarray]) -> dict[str, RunGroup]:
        """The Run's group of them, by its name; nothing where no group was seen."""
        if not self._series.steps:
            return {}
        size = len(self.groups)
        axes = ("member", "step", "parameter_group")
        coords = {
            **member,
            "step": np.array(self._series.steps, np.int64),
            "parameter_group": np.arange(1, size + 1),
        }
        return {
            PARAMETER_GROUPS: RunGroup(
                coords, {name: (axes, self._array(name, size)) for name in GROUP_QUANTITIES}
            )
        }

    def _array(self, name: str, size: int) -> np.ndarray:
        found = np.full((1, len(self._series.rows), size), np.nan)
        for at, row in enumerate(self._series.rows):
            values = row.get(name, ())
            found[0, at, : len(values)] = values
        return found
