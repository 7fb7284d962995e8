"""How a Run describes the parameter groups of optimizers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from gradgauge.messages.clean import clean

PARAMETER_GROUPS = "parameter_groups"
"""The Run's group that holds their figures, and the attribute that says which they are."""

GROUP_QUANTITIES = (
    "learning_rate",
    "weight_decay",
    "weight_grad_norm",
    "clipped_grad_norm",
    "weight_norm",
    "update_ratio",
)
"""Of every group and recorded step."""


@dataclass(frozen=True)
class ParameterGroup:
    """Parameters with the same optimizer settings.

    Attributes:
        name: the given name, or the optimizer's class, numbered if it has several groups.
        optimizer: class of the optimizer.
        parameters: names of the model's parameters in the group, including biases.
        count: number of scalars in them.
        whole: whether the group contains everything that its optimizer updates.
    """

    name: str
    optimizer: str
    parameters: tuple[str, ...] = field(default=(), repr=False)
    count: int = 0
    whole: bool = False


def groups_as_attributes(groups: Sequence[ParameterGroup]) -> dict[str, str]:
    """The groups as an attribute of a Run: JSON, for NetCDF has no records."""
    if not groups:
        return {}
    return {PARAMETER_GROUPS: json.dumps(list(map(asdict, groups)), ensure_ascii=False)}


def read_groups(attributes: Mapping[str, Any]) -> list[ParameterGroup]:
    """The groups that a Run's attributes hold; empty where it holds none.

    Raises:
        TypeError, ValueError, KeyError: the attribute is none of ours.
    """
    return [_read(row) for row in json.loads(attributes.get(PARAMETER_GROUPS, "[]"))]


def _read(row: Any) -> ParameterGroup:
    names = [row["name"], row["optimizer"], *row["parameters"]]
    if not all(isinstance(name, str) for name in names):
        raise TypeError(PARAMETER_GROUPS)
    name, optimizer, *parameters = map(clean, names)
    whole = row.get("whole") is True
    return ParameterGroup(name, optimizer, tuple(parameters), int(row["count"]), whole)
