"""A prediction by name: options in, a flat dict of figures out."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gradgauge.errors import InvalidValue
from gradgauge.json import number
from gradgauge.spec.checks import whole_number

REQUIRED = object()
"""The default of an option that has to be given."""

MOST_LAYERS = 1_000_000
"""A depth or width beyond this is taken for a slip."""

LARGEST_SIGMA = 1e3
"""Beyond this, the root of the correlation map drowns in rounding (hardtanh at 1e4)."""

Figure = float | str | None


@dataclass(frozen=True)
class Answer:
    """Figures by name, and keys of the catalog's `theory.reason` table where one is special."""

    figures: dict[str, Figure]
    reasons: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Figure]:
        """None for null, infinity as the string "inf"."""
        return {name: number(value) for name, value in self.figures.items()}


@dataclass(frozen=True)
class Quantity:
    """A prediction by name.

    Attributes:
        name: as typed.
        compute: called with the options that it takes, by name.
        options: option -> default; `activation` among them where there is one.
        paper: where it comes from.
        activations: the only ones that it is defined for; empty: all.
    """

    name: str
    compute: Callable[..., Answer]
    options: Mapping[str, Any]
    paper: str
    activations: tuple[str, ...] = ()

    @property
    def needs(self) -> tuple[str, ...]:
        """The options without a default."""
        return tuple(name for name, default in self.options.items() if default is REQUIRED)

    def __call__(self, **given: Any) -> Answer:
        """The figures for these options; those left out are at their defaults.

        Raises:
            InvalidValue, UnknownName: an option that cannot be.
        """
        values = {**self.options, **{k: v for k, v in given.items() if v is not None}}
        name = values.get("activation")
        if self.activations and name not in self.activations:
            known = ", ".join(self.activations)
            raise InvalidValue("activation", name, "quantity_of", quantity=self.name, known=known)
        for option, value in values.items():
            if isinstance(value, float) and option in given and not math.isfinite(value):
                raise InvalidValue(option, value, "finite")
            if option.startswith("sigma") and value is not None and value > LARGEST_SIGMA:
                raise InvalidValue(option, value, "at_most_least", most=LARGEST_SIGMA)
        for size in {"depth", "width"} & values.keys():
            if values[size] is not None:
                whole_number(size, values[size], 1)
                if values[size] > MOST_LAYERS:
                    raise InvalidValue(size, values[size], "at_most_least", most=MOST_LAYERS)
        return self.compute(**values)
