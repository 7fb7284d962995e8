"""Advice that is about the learning rate alone: the trial's arm of rates tries it."""

from __future__ import annotations

from gradgauge.remedies.remedy import OPTIMIZER, Knob, Remedy
from gradgauge.remedies.spec.case import SpecCase

_PATCH = {
    "keras": "\nmodel.optimizer.learning_rate = $knob * float(model.optimizer.learning_rate)\n",
    "pytorch": '\nfor group in optimizer.param_groups:\n    group["lr"] *= $knob\n',
    "jax": "\noptimizer = optax.chain(optimizer, optax.scale($knob))\n",
}


def _on_spec(case: SpecCase, knob: float) -> SpecCase:
    return case.train_with(learning_rate=case.training.learning_rate * knob)


def _rate(key: str, knob: Knob, *rules: str) -> Remedy:
    return Remedy(
        key,
        reach=OPTIMIZER,
        rules=rules,
        paper="LeCun et al. (1998), Efficient BackProp, section 4.5",
        touches=frozenset({"rate"}),
        knob=knob,
        on_spec=_on_spec,
        patch=_PATCH,
        rate=True,
    )


_ANY = Knob(0.3, 0.01, 100.0, (0.01, 0.1, 10.0))
_LOWER = Knob(0.1, 0.001, 1.0, (0.01, 0.1, 0.3))
_HIGHER = Knob(10.0, 1.0, 1000.0, (3.0, 10.0, 100.0))

RATE_TO = _rate("rate_to", _ANY, "learning-rate-too-high", "learning-rate-too-low")
LOWER_RATE = _rate(
    "lower_rate",
    _LOWER,
    "learning-rate-too-high",
    "dead-units",
    "exploding-gradient",
    "non-finite",
    "regressed",
    "signal-collapse",
    "update-ratio",
)
HIGHER_RATE = _rate("higher_rate", _HIGHER, "update-ratio")

SET_RATE = {
    "keras": "model.optimizer.learning_rate = {rate}",
    "pytorch": 'for group in optimizer.param_groups:\n    group["lr"] = {rate}',
    "jax": "learning_rate = {rate}",
}
"""Framework -> the line that sets a learning rate; of JAX that of plain gradient steps."""

_SCALED_SCHEDULE = """
class Scaled(keras.optimizers.schedules.LearningRateSchedule):
    def __call__(self, step):
        return {factor} * schedule(step)


schedule = model.optimizer._learning_rate
model.optimizer.learning_rate = Scaled()
"""

_SCALED_SCHEDULER = """
schedulers = [scheduler]
for one in schedulers:
    schedulers.extend(getattr(one, "_schedulers", []))
    for name in ("base_lrs", "max_lrs", "min_lrs", "_last_lr"):
        rates = getattr(one, name, None)
        if isinstance(rates, list):
            setattr(one, name, [{factor} * rate for rate in rates])
    if hasattr(one, "eta_min"):
        one.eta_min *= {factor}
for group in scheduler.optimizer.param_groups:
    for name in ("lr", "initial_lr", "max_lr", "min_lr"):
        if name in group:
            group[name] *= {factor}
"""

SCALE_RATE = {
    "pytorch": _SCALED_SCHEDULER.strip(),
    "keras": _SCALED_SCHEDULE.strip(),
    "jax": "optimizer = optax.chain(optimizer, optax.scale({factor}))",
}
"""Framework -> the lines that multiply a learning rate which is no one number to be set: that of a
schedule, or what an optimizer of optax hides."""
