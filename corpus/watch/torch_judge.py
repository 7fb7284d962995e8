"""Three runs of one PyTorch training: plain, read by us, watched; and what differs."""

from __future__ import annotations

import copy
import gc
import math
import random
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
from torch import nn

from corpus.watch.case import Case, Outcome, Training
from corpus.watch.torch_reading import Reader, Step

CLOSE = {
    "weight_norm": 1e-4,
    "weight_grad_norm": 1e-4,
    "clipped_grad_norm": 1e-4,
    "update_ratio": 1e-3,
    "delta_norm": 1e-4,
    "g_norm": 1e-4,
    "signal_spread": 1e-3,
    "slope_gain": 1e-3,
    "backward_gain": 1e-3,
    "weight_gain": 1e-3,
}
"""Largest relative difference. Updates are differences of rounded weights."""

MOST = 6
"""Complaints of one kind that are kept."""


def judge(case: Case) -> Outcome:
    """Run the case three times and compare."""
    outcome = Outcome(case.name)
    plain, _ = _run(case, lambda _: nullcontext())
    ours, reader = _run(case, lambda _: nullcontext(), read=True)
    if list(_differences(plain, ours)):  # the first run may have drawn numbers while importing
        plain, _ = _run(case, lambda _: nullcontext())
    if differing := list(_differences(plain, ours)):
        raise AssertionError(f"our own reading changes the training: {differing[:3]}")
    watchers: list[Any] = []
    try:
        watched, _ = _run(case, lambda target: _watch(target, watchers))
    except Exception as error:  # noqa: BLE001 whatever it is, the training did not survive it
        outcome.crashed = f"{type(error).__name__}: {error}"[:200]
        return outcome
    outcome.harmed = list(_differences(plain, watched))[:MOST]
    assert reader is not None
    _compare(watchers[-1].run, reader, outcome)
    return outcome


def _watch(target: Any, watchers: list[Any]) -> AbstractContextManager[Any]:
    import gradgauge

    watchers.append(gradgauge.watch(target, every=1))
    return watchers[-1] if hasattr(watchers[-1], "__enter__") else nullcontext()


def _run(case: Case, watch: Callable[[Any], Any], read: bool = False) -> tuple[dict[str, Any], Any]:
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 the global state is what a watcher must not move
    torch.manual_seed(0)
    training: Training = case.make()
    reader = Reader(training) if read else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with reader or nullcontext():
            training.train(watch)
    model = training.model
    state = {f"weights of {k}": v for k, v in copy.deepcopy(model.state_dict()).items()}
    state |= {f"gradient of {n}": p.grad for n, p in model.named_parameters()}
    state["torch's random state"] = torch.get_rng_state()
    state["Python's random state"] = random.getstate()
    state["NumPy's random state"] = np.random.get_state()[1]  # noqa: NPY002
    state["training mode"] = [m.training for m in model.modules()]
    gc.collect()
    state["hooks"] = sum(_hooks(m) for m in model.modules())
    return state, reader


def _hooks(module: nn.Module) -> int:
    return sum(
        len(table)
        for table in (
            module._forward_hooks,
            module._forward_pre_hooks,
            module._backward_hooks,
            module._backward_pre_hooks,
        )
    )


def _differences(plain: dict[str, Any], other: dict[str, Any]) -> Iterator[str]:
    for what, value in plain.items():
        mine = other.get(what)
        if isinstance(value, torch.Tensor) and isinstance(mine, torch.Tensor):
            dense = [t.to_dense() if t.is_sparse else t for t in (value, mine)]
            same = dense[0].shape == dense[1].shape and bool(
                torch.all((dense[0] == dense[1]) | (dense[0] != dense[0]))
            )
        elif isinstance(value, np.ndarray):
            same = np.array_equal(value, mine)
        else:
            same = value is mine or value == mine
        if not same:
            yield what


class _Row:
    """A row of the Run: its module or parameter, and which weights its figures may be of."""

    def __init__(self, model: nn.Module, info: Any, index: int):
        self.info, self.index, self.name = info, index, info.name
        modules = dict(model.named_modules(remove_duplicate=False))
        parameters = dict(model.named_parameters(remove_duplicate=False))
        self.known = self.name in modules or self.name in parameters
        self.choices: list[list[torch.Tensor]] = []
        if self.name in modules:
            own = dict(modules[self.name].named_parameters(recurse=False))
            if hasattr(modules[self.name], "parametrizations"):
                own |= dict(modules[self.name].get_submodule("parametrizations").named_parameters())
            free = {n: p for n, p in own.items() if "bias" not in n}
            self.choices = [
                [p for p in free.values() if p.dim() > 1],
                [p for n, p in free.items() if n == "weight"],
                list(free.values()),
                list(own.values()),
                [p for p in modules[self.name].parameters() if p.dim() > 1],
                *[[p] for p in free.values()],
            ]
        elif self.name in parameters:
            self.choices = [[parameters[self.name]]]
        self.choices = [c for c in self.choices if c]


def _compare(run: Any, reader: Reader, outcome: Outcome) -> None:
    steps = reader.steps
    rows = [_Row(reader.model, info, i) for i, info in enumerate(run.layers)]
    judged = _Judged(run, outcome)
    if len(run.steps["step"]) != len(steps):
        outcome.wrong.append(f"{len(run.steps['step'])} steps instead of {len(steps)}")
    for row in rows:
        if not row.known:
            outcome.wrong.append(f"row {row.name} is neither a module nor a parameter")
            continue
        chosen = _weights(row, run, steps)
        if chosen is None:
            outcome.wrong.append(f"weight_norm of {row.name} is of none of its weights")
            continue
        row.choices = [chosen]
        _norms(row, chosen, steps, judged)
        _signals(row, reader, steps, judged)
    _coverage(reader, rows, judged)
    outcome.wrong, outcome.silent = outcome.wrong[:MOST], outcome.silent[:MOST]


def _joint(of: dict[int, float], weights: list[torch.Tensor]) -> float:
    found = [of[id(p)] for p in weights if id(p) in of]
    return math.hypot(*found) if found else math.nan


def _weights(row: _Row, run: Any, steps: list[Step]) -> list[torch.Tensor] | None:
    """Which of the choices the row's weight norm is of."""
    if not steps or not len(run.steps["step"]):
        return row.choices[0] if row.choices else None
    shown = float(run.steps["weight_norm"].values[0, 0, row.index])
    for choice in row.choices:
        if math.isclose(shown, _joint(steps[0].weight, choice), rel_tol=1e-4):
            return choice
    return row.choices[0] if math.isnan(shown) and row.choices else None


def _norms(row: _Row, weights: list[torch.Tensor], steps: list[Step], judged: _Judged) -> None:
    for i, step in enumerate(steps):
        norm = _joint(step.weight, weights)
        wanted = {
            "weight_norm": norm,
            "weight_grad_norm": _joint(step.gradient, weights),
            "clipped_grad_norm": _joint(step.clipped, weights),
            "update_ratio": _joint(step.change, weights) / norm if norm else math.nan,
        }
        for figure, value in wanted.items():
            judged.figure("steps", figure, i, row, value)


def _signals(row: _Row, reader: Reader, steps: list[Step], judged: _Judged) -> None:
    summed = any(re.fullmatch(p, row.name) for p in reader.training.summed)
    for i, step in enumerate(steps):
        figures = {"delta_norm": step.delta}
        if not summed:
            figures |= {"g_norm": step.g, "signal_spread": step.spread, "slope_gain": step.slope}
        figures |= _gains(row, reader, step)
        for figure, values in figures.items():
            judged.figure("probes", figure, i, row, values.get(row.name, math.nan))
    units = steps[0].units.get(row.name) if steps else None
    hidden = not row.info.units and judged.noted(row)
    if units and row.info.units != units and not hidden:
        judged.complain("wrong", f"units of {row.name}: {row.info.units} instead of {units}")
    if not summed:
        _activation(row, reader, steps, judged)


def _gains(row: _Row, reader: Reader, step: Step) -> dict[str, dict[str, float]]:
    """Gains over the layers above, as the training says which they are."""
    above = reader.where(row.name, reader.training.above)
    if above is None:
        return {}
    arrived = math.hypot(*(step.delta.get(name, math.nan) for name in above.split()))
    return {
        "backward_gain": {row.name: step.delta.get(row.name, math.nan) / arrived},
        "weight_gain": {row.name: step.g.get(row.name, math.nan) / arrived},
    }


def _activation(row: _Row, reader: Reader, steps: list[Step], judged: _Judged) -> None:
    used = [step for step in steps if row.name in step.units]  # networks may be trained in turn
    shown, seen = row.info.activation, used[0].activation.get(row.name) if used else None
    named = reader.where(row.name, {k: "|".join(v) for k, v in reader.training.activations.items()})
    right = named.split("|") if named else [seen] if seen else ["linear"]
    if shown in right or (not shown and (judged.noted(row) or not (named or seen))):
        return
    judged.complain("wrong", f"activation of {row.name}: {shown or 'none'} instead of {right[0]}")


class _Judged:
    """Compares figure by figure and keeps count."""

    def __init__(self, run: Any, outcome: Outcome):
        self.run, self.outcome = run, outcome
        self.notes: list[tuple[tuple[str, ...], str]] = []
        for note in run.notes:
            layers = note.layers
            self.notes.append((layers, note.sentence("en")))
        self.said: set[str] = set()

    def noted(self, row: _Row) -> bool:
        """Whether a note is about the row, or about all rows."""
        return any(not layers or row.name in layers for layers, _ in self.notes)

    def complain(self, kind: str, text: str) -> None:
        getattr(self.outcome, kind).append(text)

    def figure(self, group: str, figure: str, i: int, row: _Row, wanted: float) -> None:
        """One figure at one step."""
        data = self.run.steps if group == "steps" else self.run.probes
        if figure not in data or i >= data[figure].shape[1]:
            return
        shown = float(data[figure].values[0, i, row.index])
        if math.isnan(wanted):
            return
        self.outcome.figures += 1
        if math.isnan(shown):
            output = row.info.output and figure in ("g_norm", "signal_spread", "slope_gain")
            if output or self.noted(row):
                self.outcome.noted += 1
            elif (once := f"{figure} of {row.name}") not in self.said:
                self.said.add(once)
                self.complain("silent", f"{once} ({wanted:.4g})")
            return
        if not math.isclose(shown, wanted, rel_tol=CLOSE[figure], abs_tol=1e-12):
            once = f"{figure} of {row.name}"
            if once not in self.said:
                self.said.add(once)
                text = f"{once} at {i}: {shown:.5g} instead of {wanted:.5g}"
                self.complain("wrong", text)


def _coverage(reader: Reader, rows: list[_Row], judged: _Judged) -> None:
    """Every parameter is in a row (a bias: beside one), or a note speaks of it."""
    model, names = reader.model, {row.name for row in rows}
    covered = {id(p) for row in rows for choice in row.choices for p in choice}
    for name in names:  # a normalization that belongs to a layer is covered by it
        place = reader.where(name, reader.training.z) or ""
        norm = reader.where(name, reader.training.norms) or place.removeprefix("out ")
        if norm and not norm.startswith("in "):
            covered |= {id(p) for p in model.get_submodule(norm).parameters()}
    for name, p in model.named_parameters(remove_duplicate=False):
        owner, _, own = name.rpartition(".")
        beside = any(n == owner or n.startswith(f"{owner}.") for n in names)
        own_weight = getattr(model.get_submodule(owner), "weight", None)
        if "bias" in own and (beside or id(own_weight) in covered):
            covered.add(id(p))
    for name, p in model.named_parameters():
        owner, _, own = name.rpartition(".")
        mentioned = any(
            name in text or name in layers or (owner and owner in layers and own in text)
            for layers, text in judged.notes
        )
        if not (id(p) in covered or mentioned):
            judged.complain("silent", f"parameter {name} {tuple(p.shape)}: no row, no note")
