"""`gradgauge.remedy`: what is wrong is changed, and the change is proved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gradgauge import datasets
from gradgauge.datasets import Dataset
from gradgauge.diagnosis.budget import Budget, read_budget
from gradgauge.errors import InvalidValue
from gradgauge.listening import OnProgress
from gradgauge.parts.losses import LOSSES
from gradgauge.remedies.plan import TRAININGS
from gradgauge.remedies.result import RemedyResult
from gradgauge.remedies.spec.case import SpecCase
from gradgauge.remedies.spec.trainer import SpecTrainer
from gradgauge.remedies.store import Store
from gradgauge.remedies.trainer import Candidate
from gradgauge.remedies.trial import Given, OnEstimate, try_remedies
from gradgauge.spec.comparison import read_comparison
from gradgauge.spec.network import NetworkSpec


def remedy(
    target: str | NetworkSpec,
    *,
    dataset: str | Path | Dataset | None = None,
    budget: float | str | None = None,
    out: Path | str | None = None,
    depth: int | None = None,
    width: int | None = None,
    seed: int | None = None,
    on_progress: OnProgress | None = None,
    on_estimate: OnEstimate | None = None,
    **training: Any,
) -> RemedyResult:
    """Diagnose a training; if something is wrong, try remedies and prove one.

    Args:
        target: an activation (`"sigmoid"`), a notation, or a spec.
        dataset: its name, an .npz file's path, or a Dataset; None: MNIST.
        budget: trainings of the given length for each arm, as in 12, or a limit in seconds for
            all of it, as in "90s"; None: plan.TRAININGS.
        out: a folder where what is trained is kept, so that the same call goes on there; None:
            nowhere.
        depth, width: hidden layers of a network named by its activation; None: 10 of 64 units.
        seed: first seed of the confirmation; None: 0.
        on_progress: told (done, in all).
        on_estimate: told the plan and about how many seconds it will take, before it starts.
        training: any field of TrainingSpec but `seeds`: `optimizer`, `learning_rate`, `epochs`, ...

    Returns:
        The result: `.verdict`, `.winner`, `.arms`, `.patch`, `.apply()`, `.to_json()`.

    Raises:
        GradgaugeError: anything about the target, the data or the options that cannot be; a
            budget with which nothing could be decided (BudgetTooSmall).
    """
    limit = _budget(budget)
    trainer = spec_trainer(target, dataset, depth=depth, width=width, seed=seed, **training)
    store = Store(out) if out is not None else None
    try:
        return try_remedies(
            trainer,
            given_of(trainer),
            limit,
            store=store,
            on_progress=on_progress,
            on_estimate=on_estimate,
        )
    finally:
        if store is not None:
            store.close()


def spec_trainer(
    target: str | NetworkSpec, dataset: str | Path | Dataset | None = None, **options: Any
) -> SpecTrainer:
    """The trainer of a network of a notation.

    Args:
        target, dataset: as `remedy` takes them.
        options: those of a comparison.

    Raises:
        GradgaugeError: anything about them that cannot be.
    """
    if "seeds" in options:
        raise InvalidValue("seeds", options["seeds"], "from_budget")
    data = dataset if isinstance(dataset, Dataset) else None
    named = dataset if data is None else data.name
    spec = read_comparison((target,), dataset=named, **options)
    data = data or datasets.load(spec.dataset, LOSSES[spec.training.loss].classification)
    (network,) = spec.fitting(data.inputs, data.outputs).values()
    return SpecTrainer(network, spec.training, data)


def given_of(trainer: SpecTrainer) -> Given:
    """The training as it is, made once and diagnosed."""
    diagnosis, seconds = trainer.diagnosed()
    case = trainer.case
    names = case.network.activations
    return Given(
        diagnosis,
        max(set(names), key=names.count),
        max(seconds, 1e-3),
        case.training.seeds[0],
        lambda candidate, model: treated(trainer, candidate, model),
    )


def treated(trainer: SpecTrainer, candidate: Candidate, model: Any = None) -> SpecCase:
    """What is to be trained with a candidate's changes.

    Args:
        trainer: of the training as it is.
        candidate: the changes.
        model: another notation or spec to change; None: the target.
    """
    if model is None:
        return trainer.treated(candidate)
    other = spec_trainer(model, trainer.data)
    return SpecTrainer(other.case.network, trainer.case.training, trainer.data).treated(candidate)


def _budget(given: float | str | None) -> Budget:
    return Budget(TRAININGS) if given is None else read_budget(given)
