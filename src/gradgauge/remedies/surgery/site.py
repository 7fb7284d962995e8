"""Site: a network to be changed, and what the lines of a patch may read beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradgauge.own.data import OwnData, leaves, rows_of
from gradgauge.own.loops import loop_of
from gradgauge.own.made import Made
from gradgauge.remedies.trainer import CannotApply

Form = Callable[[np.ndarray], Any]
"""An array as the framework has it."""
Restore = Callable[[np.ndarray], np.ndarray]

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
        restored: brings outputs back to what the targets were, where these have changed.
        in_order: whether the samples are not shuffled, which is its fault.
    """

    made: Made
    data: OwnData
    activation: str
    seed: int
    steps: int
    restored: Restore | None = None
    in_order: bool = False

    def inputs(self) -> np.ndarray:
        """The training inputs.

        Raises:
            CannotApply: they are no one array of numbers.
        """
        x = self.data.x
        if not isinstance(x, np.ndarray) or x.dtype.kind != "f":
            raise CannotApply("no_one_array")
        return x

    def with_data(
        self, touches: frozenset[str], lines: str, names: dict[str, Any], form: Form = np.asarray
    ) -> Site | None:
        """The same with the data as the lines of a remedy of data make them; None: it is none.

        Args:
            touches: of the remedy.
            lines: of its patch.
            names: the framework's own that they read.
            form: of the arrays that they read.
        """
        if "order" in touches:
            if not self.in_order:
                raise CannotApply("already")
            return replace(self, in_order=False)
        names = {"np": np, **names}
        if "targets" in touches:
            return self._retargeted(lines, names)
        if "inputs" in touches:
            return self._scaled(lines, names, form)
        if "missing" in touches:
            return self._cleaned(lines, names, form)
        if "size of targets" in touches:
            return self._standardized(lines, names, form)
        return None

    def _scaled(self, lines: str, names: dict[str, Any], form: Form) -> Site:
        """The inputs as the lines make them, the test inputs by the same figures."""
        names["x"] = form(self.inputs())
        run_lines(lines, names)
        mean, divisor = _figures(names)
        x = np.asarray(names["x"], np.float32)
        test = ((self.data.test_x - mean) / divisor).astype(np.float32)
        if np.allclose(x, self.data.x):
            raise CannotApply("already")
        return replace(self, data=replace(self.data, x=x, test_x=test))

    def _cleaned(self, lines: str, names: dict[str, Any], form: Form) -> Site:
        """Without what is no number; the test inputs are filled by the same figures."""
        before = self.inputs(), self.data.y
        names |= {"x": form(before[0]), "y": form(before[1])}
        run_lines(lines, names)
        x = np.asarray(names["x"], np.float32)
        y = np.asarray(names["y"], before[1].dtype)
        if x.shape == before[0].shape and np.array_equal(x, before[0]):
            raise CannotApply("already")
        mean, low, high = (np.asarray(names[n], np.float32) for n in ("mean", "low", "high"))
        test = self.data.test_x
        other = np.where(np.isnan(test), mean, np.where(test < 0, low, high))
        test = np.where(np.isfinite(test), test, other)
        return replace(self, data=replace(self.data, x=x, y=y, test_x=test))

    def _standardized(self, lines: str, names: dict[str, Any], form: Form) -> Site:
        """The targets as the lines make them. Scores stay about those that were given: outputs are
        brought back."""
        before = self.data.y
        if before.dtype.kind != "f":
            raise CannotApply("no_effect")
        if not loop_of(self.made).facts().answers:
            raise CannotApply("hidden", what="predict")
        names["y"] = form(before)
        run_lines(lines, names)
        mean, divisor = _figures(names)
        y = np.asarray(names["y"], np.float32)
        if np.allclose(y, before):
            raise CannotApply("already")
        data = replace(self.data, y=y)
        return replace(self, data=data, restored=lambda outputs: outputs * divisor + mean)

    def _retargeted(self, lines: str, names: dict[str, Any]) -> Site:
        """The targets as the lines make them, of training and test rows at once: what they read off
        the targets, such as the smallest label, is one for both.

        Args:
            lines: read `outputs` and `y`, leave `y`.
            names: what else they read.
        """
        outputs = loop_of(self.made).outputs(first_rows(self.data, FEW), FEW)
        if outputs is None:
            raise CannotApply("no_effect")
        before = np.concatenate((self.data.y, self.data.test_y))
        names |= {"outputs": outputs, "y": before}
        run_lines(lines, names)
        after = np.asarray(names["y"])
        if after.shape == before.shape and np.array_equal(after, before):
            raise CannotApply("already")
        y, test_y = np.split(after, [len(self.data.y)])
        return replace(self, data=replace(self.data, y=y, test_y=test_y))


def _figures(names: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """The mean that lines have left, and the spread, 1 where there is none."""
    mean, spread = (np.asarray(names[name], np.float32) for name in ("mean", "spread"))
    return mean, np.where(spread > 0, spread, 1).astype(np.float32)


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
