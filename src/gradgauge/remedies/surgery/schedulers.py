"""PyTorch schedulers of a training that is changed: at another rate, or with another optimizer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gradgauge.own.data import fingerprint
from gradgauge.own.made import Made
from gradgauge.remedies.known.rates import SCALE_RATE
from gradgauge.remedies.surgery.site import run_lines

_LISTS = ("base_lrs", "max_lrs", "min_lrs", "_last_lr")
"""Rates of a scheduler, one for each group."""


def told_of(made: Made, epochs: int, batches: int) -> list[str]:
    """What tells a network's scheduler from others: its kind and the rates that it gives, or, where
    these depend on the losses, its state.

    Args:
        made: a network.
        epochs, batches: of its training, and of an epoch.
    """
    if made.scheduler is None:
        return []
    from gradgauge.diagnosis.trainees.torch.schedule import simulated, stepping_of

    stepping = stepping_of(made.scheduler, made.optimizer, epochs)
    foreseen = simulated(stepping, made.optimizer, epochs * batches, batches)
    scheduler = made.scheduler.scheduler
    state = str(scheduler.state_dict()) if foreseen is None else fingerprint([foreseen.rates])
    return [type(scheduler).__name__, state]


def scale(scheduler: Any, factor: float) -> None:
    """All rates times `factor`, those to come and those that the optimizer has now, by the lines that
    the patch prints."""
    run_lines(SCALE_RATE["pytorch"].format(factor=repr(factor)), {"scheduler": scheduler})


def follow(scheduler: Any, optimizer: Any) -> None:
    """Let it set the rates of an optimizer as it set those of its own: of one that has got another
    group, or of a new one that starts from a rate of its own."""
    old = scheduler.optimizer
    if optimizer is not old:
        _taken_over(scheduler, old, optimizer)
    known = len(scheduler.base_lrs) if hasattr(scheduler, "base_lrs") else len(old.param_groups)
    for group in optimizer.param_groups[known:]:
        optimizer.param_groups[known - 1]["params"] += group["params"]
    del optimizer.param_groups[known:]


def _taken_over(scheduler: Any, old: Any, new: Any) -> None:
    (group,), base = new.param_groups, old.param_groups[0]
    for name, value in base.items():
        group.setdefault(name, value)
    first = float(base.get("initial_lr", base["lr"]))
    factor = group["lr"] / first if group["lr"] != base["lr"] and first else 1.0
    group["lr"] = base["lr"]
    for one in _all(scheduler):
        one.optimizer = new
        for name in _LISTS:
            if isinstance(getattr(one, name, None), list):
                setattr(one, name, getattr(one, name)[:1])
    scale(scheduler, factor)


def _all(scheduler: Any) -> Iterator[Any]:
    """A scheduler and those that it is made of."""
    yield scheduler
    for inner in getattr(scheduler, "_schedulers", ()):
        yield from _all(inner)
