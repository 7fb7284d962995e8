"""The verdict that follows from the figures.

A change rescues when it raises the mean test accuracy by at least RESCUE over the arm without
it and the difference is decided. It is a cause when it rescues the control, or rescues an arm
that has another change already. Where the control does not fail, there is nothing to explain.

The critical weight scale multiplies the same weights as the change that cancels the slope, and
so contains it: where the slope is a cause, the weight scale is not named beside it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gradgauge.gauges.signal_spread import resolution
from gradgauge.run import Run
from gradgauge.statistics import Difference, Summary, difference, summarize
from gradgauge.study.by_layer import Attenuation, attenuation, by_layer
from gradgauge.study.why.counterfactuals import (
    CAUSES,
    CENTRING,
    CONTROL,
    SLOPE,
    WEIGHT_SCALE,
    Counterfactual,
)

RESCUE = 0.05
"""The least rise of mean test accuracy that counts as a rescue."""


@dataclass
class TrainedArm:
    """An arm trained with one optimizer, and its result.

    Attributes:
        arm: what was changed.
        optimizer: label of the optimizer.
        run: the Run.
        decided: whether it differs significantly from the control, corrected for the number of
            arms; None for the control and with one seed.
        difference: the arm minus the control.
    """

    arm: Counterfactual
    optimizer: str
    run: Run
    difference: Difference | None = None

    @property
    def decided(self) -> bool | None:
        """Whether it differs from the control."""
        return self.difference.decided if self.difference else None

    @property
    def rescues(self) -> bool:
        """Whether it significantly raises the control's mean test accuracy by RESCUE."""
        gap = self.difference
        return gap is not None and bool(gap.decided) and gap.mean >= RESCUE

    @property
    def accuracy(self) -> np.ndarray:
        """Test accuracy, one value per seed."""
        return self.run.figure("test_accuracy")

    @property
    def test_accuracy(self) -> Summary:
        """Test accuracy over seeds."""
        return summarize(self.accuracy)

    def attenuation(self, moment: str) -> Attenuation:
        """Attenuation of the error signal, `first` or `last`."""
        return attenuation(self.run, moment)

    def last_spread(self, moment: str) -> float:
        """signal_spread in the last hidden layer."""
        return float(by_layer(self.run, "signal_spread", moment)[-2])

    @property
    def spread_resolution(self) -> float:
        """The smallest signal_spread that the arithmetic can distinguish from 0."""
        return resolution(self.run.values("probes", "signal_spread").dtype)

    @property
    def chi_grad_measured(self) -> float | None:
        """Mean square of the gradient per layer at the initial weights, inner layers only.

        The first hidden layer is excluded because its inputs have a different variance, and the
        last because its error comes through the output weights.
        """
        gains = by_layer(self.run, "backward_gain", "first")[1:-2]
        with np.errstate(divide="ignore"):
            value = float(np.exp(2 * np.mean(np.log(gains)))) if len(gains) else math.nan
        return value if math.isfinite(value) else None


def judge_arms(arms: Sequence[TrainedArm]) -> None:
    """Every arm against its optimizer's control, corrected for the number of comparisons."""
    controls = {a.optimizer: a for a in arms if a.arm.name == CONTROL}
    comparisons = max(1, len(arms) - len(controls))
    for arm in arms:
        control = controls.get(arm.optimizer)
        if control is not None and arm is not control:
            arm.difference = difference(arm.accuracy, control.accuracy, comparisons)


def control_fails(arms: Mapping[str, TrainedArm]) -> bool | None:
    """Whether some arm is better than the control by RESCUE, decided; None if undecided."""
    gaps = [arm.difference for arm in arms.values() if arm.difference]
    large = [gap for gap in gaps if gap.mean >= RESCUE]
    if any(gap.decided for gap in large):
        return True
    return None if large else False


_BOTH = f"{SLOPE}+{CENTRING}"

_CHANGES = (
    (SLOPE, CONTROL, SLOPE),
    (SLOPE, CENTRING, _BOTH),
    (CENTRING, CONTROL, CENTRING),
    (CENTRING, SLOPE, _BOTH),
    (WEIGHT_SCALE, CONTROL, WEIGHT_SCALE),
)
"""(cause, arm without the change, arm with it)."""


def find_causes(arms: Mapping[str, TrainedArm]) -> list[str]:
    """The causes under one optimizer, by the module's rule."""
    if not control_fails(arms):
        return []
    made = [change for change in _CHANGES if change[1] in arms and change[2] in arms]
    found = {
        cause
        for cause, without, with_ in made
        if _rescues(arms[without], arms[with_], comparisons=len(made))
    }
    if SLOPE in found:
        found.discard(WEIGHT_SCALE)
    return [cause for cause in CAUSES if cause in found]


def _rescues(without: TrainedArm, with_: TrainedArm, comparisons: int) -> bool:
    gap = difference(with_.accuracy, without.accuracy, comparisons)
    return gap.mean >= RESCUE and bool(gap.decided)
