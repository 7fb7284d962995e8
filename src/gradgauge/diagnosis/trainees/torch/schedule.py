"""What a PyTorch scheduler will make of the rate, simulated to its end."""

from __future__ import annotations

import copy
import functools
import gc
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch.optim import lr_scheduler
from torch.optim.lr_scheduler import LRScheduler

from gradgauge.diagnosis.facts import Schedule
from gradgauge.diagnosis.trainees.trainee import SIMULATED_STEPS

_PER_STEP = (lr_scheduler.OneCycleLR, lr_scheduler.CyclicLR)


@dataclass(frozen=True)
class Stepping:
    """A scheduler and when it steps.

    Attributes:
        scheduler: PyTorch's.
        per_step: whether after every optimizer's step, else after every epoch.
        sure: whether that was said, not guessed.
    """

    scheduler: Any
    per_step: bool
    sure: bool

    def after(self, step: int, batches: int, loss: float) -> None:
        """Step where it would, after step number `step` of a training of so many an epoch."""
        advance(self, step, batches, loss)


def stepping_of(given: Any, optimizer: Any, epochs: int | None) -> Stepping | None:
    """The scheduler that was given, or that somebody has made for the optimizer.

    A mapping says when it steps, as in Lightning: `{"scheduler": s, "interval": "step"}`. Else it
    is guessed: by its kind, by the name of what its function takes, by the length it was made for.
    """
    if isinstance(given, Stepping):
        return given
    if isinstance(given, Mapping):
        per_step = given.get("interval", "epoch") == "step"
        return Stepping(given["scheduler"], per_step=per_step, sure=True)
    if given is None:
        found = made_for(optimizer)
        if len(found) != 1:
            return None
        given = found[0]
    return Stepping(given, _steps_often(given, optimizer, epochs), sure=False)


def made_for(optimizer: Any) -> list[Any]:
    """Schedulers of an optimizer: they know it, it does not know them."""
    if not any("initial_lr" in group for group in optimizer.param_groups):
        return []
    # By type: asking a lazy module or a proxy for its class may import something.
    found = [o for o in gc.get_objects() if issubclass(type(o), LRScheduler)]
    inner = {id(s) for o in found for s in getattr(o, "_schedulers", ())}
    return [o for o in found if getattr(o, "optimizer", None) is optimizer and id(o) not in inner]


def _steps_often(scheduler: Any, optimizer: Any, epochs: int | None) -> bool:
    if isinstance(scheduler, _PER_STEP):
        return True
    for function in getattr(scheduler, "lr_lambdas", ()):
        while isinstance(function, functools.partial):
            function = function.func
        code = getattr(function, "__code__", None)
        if code is not None and code.co_varnames:
            return "epoch" not in code.co_varnames[0] and (
                "step" in code.co_varnames[0] or _rate(optimizer) == 0
            )
    horizon = getattr(scheduler, "T_max", None) or getattr(scheduler, "total_iters", 0)
    return horizon > 2 * (epochs or SIMULATED_STEPS)


def _rate(optimizer: Any) -> float:
    return max((float(group["lr"]) for group in optimizer.param_groups), default=0.0)


def simulated(
    stepping: Stepping | None, optimizer: Any, steps: int, batches: int
) -> Schedule | None:
    """The rate at every step of the user's training, without any training.

    Of several groups that with the largest first rate. None where the rate depends on the losses.
    The scheduler and the optimizer are afterwards as they were.
    """
    if stepping is None or isinstance(stepping.scheduler, lr_scheduler.ReduceLROnPlateau):
        return None
    scheduler, groups = stepping.scheduler, optimizer.param_groups
    state = copy.deepcopy(scheduler.state_dict())
    kept = [{k: v for k, v in group.items() if k != "params"} for group in groups]
    base = [float(group.get("initial_lr", group["lr"])) for group in groups]
    at, steps = int(np.argmax(base)), min(steps, SIMULATED_STEPS)
    rates = []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of steps without an optimizer's
            for step in range(steps):
                rates.append(float(groups[at]["lr"]))
                if stepping.per_step or (step + 1) % max(batches, 1) == 0:
                    scheduler.step()
    except ValueError:
        # OneCycleLR refuses more steps than it was made for; what was seen counts.
        pass
    finally:
        restore(scheduler, state)
        for group, values in zip(groups, kept, strict=True):
            group.update(values)
    known = np.array(rates)
    return Schedule(np.arange(len(known)), known, base[at], sure=stepping.sure)


def restore(scheduler: Any, state: Mapping[str, Any]) -> None:
    """Put back what `state_dict` gave, without the warnings that go with it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scheduler.load_state_dict(copy.deepcopy(dict(state)))


def advance(stepping: Stepping | None, step: int, batches: int, loss: float) -> None:
    """Let the scheduler step where it would, after step number `step`."""
    if stepping is None:
        return
    if not stepping.per_step and (step + 1) % max(batches, 1):
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            if isinstance(stepping.scheduler, lr_scheduler.ReduceLROnPlateau):
                # What is to get larger is another figure than the loss, and better where that is
                # smaller.
                stepping.scheduler.step(-loss if stepping.scheduler.mode == "max" else loss)
            else:
                stepping.scheduler.step()
        except ValueError:
            return  # made for fewer steps
