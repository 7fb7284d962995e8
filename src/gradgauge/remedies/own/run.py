"""A trial of remedies on somebody's own model: diagnosed first, then timed, then tried."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gradgauge.diagnosis.budget import Budget
from gradgauge.diagnosis.diagnose import diagnose
from gradgauge.diagnosis.finding import FAULT, Diagnosis
from gradgauge.listening import OnProgress
from gradgauge.own.errors import OwnProblem
from gradgauge.own.loops import loop_of
from gradgauge.own.made import JAX, KERAS, Made
from gradgauge.own.states import kept_states
from gradgauge.own.train import made_for
from gradgauge.remedies.own.arguments import OwnTraining, named_target, read_own
from gradgauge.remedies.own.target import is_function_of, target_of
from gradgauge.remedies.own.trainer import OwnTrainer
from gradgauge.remedies.plan import Pace
from gradgauge.remedies.prove import Proof, prove
from gradgauge.remedies.store import Store
from gradgauge.remedies.trainer import CONTROL, Candidate, Rows, Task
from gradgauge.remedies.trial import Given

_TIMED_SECONDS, _TIMED_SHARE = 30.0, 0.05
"""Each of two trainings is timed for so long, or for this share of a limit in seconds, at most."""


_ENDING = frozenset({"index-out-of-range", "loss-mismatch"})
"""Rules that say why a framework ends a training with an error."""


def own_trainer(own: OwnTraining) -> OwnTrainer:
    """The trainer of what was given.

    Raises:
        OwnProblem: it is no network, does not take the data, or cannot be copied.
    """
    return OwnTrainer(target_of(own.target, own.data, own.training, own.scheduler))


def given_of(
    own: OwnTraining, trainer: OwnTrainer, limit: Budget, asked: Mapping[str, Any]
) -> Given:
    """The training as it is, diagnosed and, where something is wrong, timed.

    Args:
        own: what was given: it is not touched, what is diagnosed is made anew or copied.
        trainer: of it.
        limit: of the whole trial.
        asked: `limits` and `off` of the diagnosis.
    """
    diagnosis = _diagnosed(own, trainer, asked)
    seed = own.training.seeds[0]
    if diagnosis.healthy:
        return Given(diagnosis, "", Pace(0.0), seed)
    _explained(trainer, diagnosis)
    return Given(
        diagnosis,
        trainer.activation,
        _pace(trainer, seed, limit),
        seed,
        lambda candidate, model: _applied(own, trainer, candidate, model),
        trainer.fresh,
        trainer.scales_rate,
    )


def proofs(
    path: str,
    dataset: str | None,
    trust: bool,
    options: Mapping[str, Any],
    diagnosis: Diagnosis,
    budget: Budget,
    out: Path,
    on_progress: OnProgress | None = None,
) -> list[Proof]:
    """The first causes of a model that is named, each tried with the first remedy for it.

    Args:
        path, dataset, trust, options: as `remedy` takes them.
        diagnosis: of it.
        budget: of all trainings.
        out: the folder of the trial that may go on from here.
        on_progress: told (done, in all) of each cause's trainings.

    Raises:
        GradgaugeError: it cannot be repeated; the budget is too small.
    """
    target, args, found = named_target(path, (), dataset, trust)
    own = read_own(target, args, dataset, None, {**found, **options})
    trainer = own_trainer(own)
    _explained(trainer, diagnosis)
    seed = own.training.seeds[0]
    pace = Pace(0.0) if budget.seconds is None else _pace(trainer, seed, budget)
    given = Given(diagnosis, trainer.activation, pace, seed)
    store = Store(out)
    try:
        return prove(trainer, given, budget, store=store, on_progress=on_progress)
    finally:
        store.close()


def _explained(trainer: OwnTrainer, diagnosis: Diagnosis) -> None:
    """Tell a trainer what the faults say of the training: that it may end with an error, or that
    its samples are not shuffled."""
    faults = [finding for finding in diagnosis.findings if finding.severity == FAULT]
    trainer.errors_explained = bool({fault.rule for fault in faults} & _ENDING)
    trainer.in_order = any("shuffle" in fault.remedies for fault in faults)


def _diagnosed(own: OwnTraining, trainer: OwnTrainer, asked: Mapping[str, Any]) -> Diagnosis:
    network, training = trainer.network, own.training
    data = network.data
    options = {"epochs": training.epochs, "batch_size": training.batch_size, **asked}
    with kept_states():
        made = made_for(network, training.seeds[0])
        if made.framework == KERAS:
            options |= {} if own.shuffled else {"shuffle": False}
            return diagnose(made.model, data.x, data.y, **options)
        if made.framework == JAX:
            beside = {"optimizer": made.optimizer, "predict": made.predict, "kind": own.kind}
            beside |= {"learning_rate": made.learning_rate}
            given = {name: value for name, value in beside.items() if value is not None}
            return diagnose(made.loss, made.model, data.x, data.y, **given, **options)
        return _diagnosed_module(own, made, trainer, options)


def _diagnosed_module(
    own: OwnTraining, made: Made, trainer: OwnTrainer, options: dict[str, Any]
) -> Diagnosis:
    """On the loader that was given, whose order is part of what is diagnosed; else on arrays."""
    if made.scheduler is not None:
        options["scheduler"] = made.scheduler
    if own.loader is not None:
        del options["batch_size"]
        return diagnose(made.model, made.loss, made.optimizer, own.loader, **options)
    from gradgauge.own.loops.torch import TorchLoop

    data, loop = trainer.network.data, loop_of(made)
    assert isinstance(loop, TorchLoop)
    x, y = loop.tensors(data.x, data.y)
    if isinstance(x, (dict, list, tuple)):
        raise OwnProblem("no_array", kind=type(x).__name__)
    return diagnose(made.model, made.loss, made.optimizer, x=x, y=y, **options)


def _pace(trainer: OwnTrainer, seed: int, limit: Budget) -> Pace:
    """How long trainings take: one is made as for choosing, and one as for confirming."""
    most = _TIMED_SECONDS
    if limit.seconds is not None:
        most = min(most, _TIMED_SHARE * limit.seconds)
    training, start = _timed(trainer, seed, "screen", most)
    watched, _ = _timed(trainer, seed, "confirm", most)
    return Pace(training, start, watched)


def _timed(trainer: OwnTrainer, seed: int, rows: Rows, most: float) -> tuple[float, float]:
    """Seconds of a training, and those of them that any takes, however short; of a long one only
    the beginning is timed.

    Raises:
        KeyboardInterrupt: it was stopped.
    """
    told: list[tuple[float, float]] = []
    began = time.perf_counter()

    def note(done: int, total: int) -> None:
        told.append((done / max(total, 1), time.perf_counter() - began))

    trained = trainer.train(Task([Candidate(CONTROL)], [seed], 1.0, rows, began + most), note)
    seconds = time.perf_counter() - began
    if not told or (trained.interrupted and seconds < most):
        raise KeyboardInterrupt
    # The first step compiles; what comes after the last one scores.
    (share, first), (reached, last) = told[0], next((t for t in told if t[0] >= 1), told[-1])
    if reached <= share:
        whole = max(seconds if trained.outcomes else seconds / max(share, 1e-3), 1e-3)
        return whole, whole if trained.outcomes else 0.0
    steps = (last - first) / (reached - share)
    start = max((seconds - last if trained.outcomes else 0.0) + first - share * steps, 0.0)
    return max(start + steps, 1e-3), start


def _applied(own: OwnTraining, trainer: OwnTrainer, candidate: Candidate, model: Any) -> Any:
    """The winner's changes on a model: alone it goes with what was given beside the target."""
    target = own.target
    if isinstance(target, dict) and not is_function_of(model) and model is not None:
        return trainer.apply(candidate, {**target, "params": model})
    if isinstance(target, tuple) and model is target[0]:
        return trainer.apply(candidate)
    return trainer.apply(candidate, model)
