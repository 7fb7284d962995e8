"""Keras models that have trained already, for the next training whose compiled steps are the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradgauge.remedies.known import BY_KEY
from gradgauge.remedies.remedy import DATA, WEIGHTS
from gradgauge.remedies.trainer import Dose


class KerasModels:
    """Models of one trial, by all that their compiled steps depend on: not their numbers, which are
    variables, the learning rate among them."""

    def __init__(self) -> None:
        self._kept: dict[str, Any] = {}

    def like(self, model: Any, doses: Sequence[Dose]) -> Any:
        """A model that has trained before, with every number as it is in `model`; else `model`.

        Args:
            model: compiled and changed by the remedies; not trained yet.
            doses: the remedies.
        """
        if not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)
        key = _key(model, doses)
        kept = self._kept.setdefault(key, model)
        if kept is not model:
            for own, new in zip(_variables(kept), _variables(model), strict=True):
                own.assign(new)
        return kept


def _key(model: Any, doses: Sequence[Dose]) -> str:
    from gradgauge.remedies.surgery.keras import structure

    # What a remedy of numbers has done stands in the variables; of all others the dose counts.
    others = [dose for dose in doses if BY_KEY[dose.remedy].reach not in (WEIGHTS, DATA)]
    shapes = [(tuple(v.shape), str(v.dtype), v.trainable) for v in _variables(model)]
    return repr((structure(model), shapes, others))


def _variables(model: Any) -> list[Any]:
    """All numbers of a training: weights, statistics, seeds, the optimizer's."""
    measured = {id(variable) for variable in model.metrics_variables}
    own = [variable for variable in model.variables if id(variable) not in measured]
    known = {id(variable) for variable in own}
    return own + [v for v in model.optimizer.variables if id(v) not in known | measured]
