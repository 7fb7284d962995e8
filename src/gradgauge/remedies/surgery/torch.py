"""Remedies on a PyTorch module."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from gradgauge.own.data import mapped
from gradgauge.own.loops import loop_of
from gradgauge.own.loops.torch import TorchLoop
from gradgauge.remedies.remedy import Remedy
from gradgauge.remedies.surgery.schedulers import follow, scale
from gradgauge.remedies.surgery.site import Site, changed, first_rows, run_lines
from gradgauge.remedies.trainer import CannotApply

_ROWS = 1_000
_EVERY_STEP = "# @between_steps"
"""Lines that stand between `backward` and `step`."""
_AFTER_STEP = ("warm_up",)
"""Names of schedulers that the lines leave, to be called after each step."""


def treated(site: Site, remedy: Remedy, lines: str) -> Site:
    """See `surgery.treat`."""
    other = site.with_data(remedy.touches, lines, {"torch": torch}, torch.as_tensor)
    if other is not None:
        return other
    made = site.made
    names = {"torch": torch, "np": np, "model": made.model, "optimizer": made.optimizer}
    names |= {"steps": site.steps, "loss": made.loss, "scheduler": made.scheduler}
    if _EVERY_STEP in remedy.patch["pytorch"]:
        return replace(
            site, made=replace(made, before_step=(*made.before_step, _again(lines, names)))
        )
    before = _state(made.model, made.optimizer, made.loss)
    if "x[" in lines:
        names["x"] = mapped(
            lambda a: torch.as_tensor(np.ascontiguousarray(a)), first_rows(site.data, _ROWS)
        )
    if "y[" in lines:
        loop = loop_of(made)
        assert isinstance(loop, TorchLoop)
        names["x"], names["y"] = loop.tensors(first_rows(site.data, _ROWS), site.data.y[:_ROWS])
    run_lines(lines, names)
    model, optimizer, scheduler = (names[name] for name in ("model", "optimizer", "scheduler"))
    after = tuple(names[name].step for name in _AFTER_STEP if name in names)
    if after and scheduler is not None:
        raise CannotApply("schedule")
    if optimizer is made.optimizer:
        optimizer = _over(model, optimizer)
    if not after and scheduler is made.scheduler:
        changed(before, _state(model, optimizer, names["loss"]), remedy.idle)
    if scheduler is not None:
        follow(scheduler.scheduler, optimizer)
    device = next((p.device for p in made.model.parameters()), torch.device("cpu"))
    model.to(device)
    made = replace(made, model=model, loss=names["loss"], optimizer=optimizer, scheduler=scheduler)
    return replace(site, made=replace(made, after_step=(*made.after_step, *after)))


def with_rate(site: Site, factor: float) -> Site:
    """The learning rate times `factor`."""
    if site.made.scheduler is not None:
        scale(site.made.scheduler.scheduler, factor)
        return site
    for group in site.made.optimizer.param_groups:
        group["lr"] = group["lr"] * factor
    return site


def _again(lines: str, names: dict[str, Any]) -> Callable[[], None]:
    """The lines, run once a step."""
    code = compile(lines, "<patch>", "exec")
    return lambda: exec(code, names)


def _over(model: Any, optimizer: Any) -> Any:
    """The optimizer; with what it lacks, or, where the model has other parameters now, one like it
    over them."""
    known = {id(p) for group in optimizer.param_groups for p in group["params"]}
    own = [p for p in model.parameters() if p.requires_grad]
    missing = [p for p in own if id(p) not in known]
    if not missing:
        return optimizer
    if known <= {id(p) for p in model.parameters()}:
        optimizer.add_param_group({"params": missing})
        return optimizer
    if len(optimizer.param_groups) > 1:
        raise CannotApply("parameter_groups")
    (group,) = optimizer.param_groups
    options = {name: value for name, value in group.items() if name in optimizer.defaults}
    return type(optimizer)(own, **options)


def _state(model: Any, optimizer: Any, loss: Any) -> dict[str, Any]:
    """What a remedy may change."""
    groups = [{k: v for k, v in g.items() if k != "params"} for g in optimizer.param_groups]
    return {
        "weights": [p.detach().float().cpu().numpy().copy() for p in model.parameters()],
        "modules": repr([(type(m).__name__, _numbers(m)) for m in model.modules()]),
        "learning": [p.requires_grad for p in model.parameters()],
        "optimizer": (type(optimizer).__name__, repr(groups), _hooks(optimizer)),
        "loss": id(loss),
    }


def _numbers(module: Any) -> list[tuple[str, float]]:
    """Settings of a module, such as a dropout's share."""
    return sorted((k, v) for k, v in vars(module).items() if isinstance(v, float))


def _hooks(optimizer: Any) -> int:
    return len(getattr(optimizer, "_optimizer_step_post_hooks", ()))
