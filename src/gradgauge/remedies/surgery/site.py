"""Site: a network to be changed, and what the lines of a patch may read beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradgauge.own.data import OwnData, leaves, rows_of
from gradgauge.own.loops import loop_of
from gradgauge.own.made import Made
from gradgauge.remedies.trainer import CannotApply

FEW = 2
"""Rows that tell whether loss and outputs go together."""


@dataclass(frozen=True)
class Site:
    """A network of its own, made for one training.

    Attributes:
        made: the network.
        data: what it is trained on.
        activation: of its hidden layers, as far as it is known.
        seed: of this training.
        steps: of the whole training.
    """

    made: Made
    data: OwnData
    activation: str
    seed: int
    steps: int

    def inputs(self) -> np.ndarray:
        """The training inputs.

        Raises:
            CannotApply: they are no one array of numbers.
        """
        x = self.data.x
        if not isinstance(x, np.ndarray) or x.dtype.kind != "f":
            raise CannotApply("no_one_array")
        return x

    def scaled(self, lines: str, names: dict[str, Any]) -> Site:
        """The same with the inputs as the lines make them, the test inputs by the same figures."""
        names |= {"np": np, "x": self.inputs()}
        run_lines(lines, names)
        mean, spread = (np.asarray(names[name]) for name in ("mean", "spread"))
        divisor = np.where(spread > 0, spread, 1).astype(np.float32)
        x = np.asarray(names["x"], np.float32)
        test = ((self.data.test_x - mean) / divisor).astype(np.float32)
        if np.allclose(x, self.data.x):
            raise CannotApply("already")
        return replace(self, data=replace(self.data, x=x, test_x=test))

    def retargeted(self, lines: str, names: dict[str, Any]) -> Site:
        """The same with the targets as the lines make them, those of the test rows likewise.

        Args:
            lines: read `outputs` and `y`, leave `y`.
            names: what else they read.
        """
        outputs = loop_of(self.made).outputs(first_rows(self.data, FEW), FEW)
        if outputs is None:
            raise CannotApply("no_effect")

        def treated(y: np.ndarray) -> np.ndarray:
            own = {**names, "outputs": outputs, "y": y}
            run_lines(lines, own)
            return np.asarray(own["y"])

        y, test_y = treated(self.data.y), treated(self.data.test_y)
        if y.shape == self.data.y.shape and np.array_equal(y, self.data.y):
            raise CannotApply("already")
        return replace(self, data=replace(self.data, y=y, test_y=test_y))


def run_lines(lines: str, names: dict[str, Any]) -> None:
    """Run the lines of a patch.

    Args:
        lines: ours, from the list of remedies.
        names: what they read, and what they leave.

    Raises:
        CannotApply: they do not go with this network.
    """
    try:
        exec(compile(lines, "<patch>", "exec"), names)
    except NameError as error:
        raise CannotApply("hidden", what=error.name or "?") from None
    # Lines that are written for a chain of layers meet whatever the user's model is made of.
    except Exception as error:  # noqa: BLE001
        why = str(error).strip().partition("\n")[0][:120] or type(error).__name__
        raise CannotApply("failed", why=why) from None


def first_rows(data: OwnData, most: int) -> Any:
    """The first inputs, for lines that look at some."""
    return rows_of(data.x, slice(0, min(most, len(leaves(data.x)[0]))))


def changed(before: Mapping[str, Any], after: Mapping[str, Any], reason: str) -> None:
    """Raise unless something is not as it was.

    Args:
        before, after: what a remedy may change.
        reason: of the remedy (`Remedy.idle`).

    Raises:
        CannotApply: the lines have met nothing to change.
    """
    for name, value in before.items():
        other = after[name]
        if isinstance(value, list):
            if len(value) != len(other) or not all(map(np.array_equal, value, other)):
                return
        elif value != other:
            return
    raise CannotApply(reason)
