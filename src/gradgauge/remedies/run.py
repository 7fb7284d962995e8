"""`gradgauge.remedy`: what is wrong is changed, and the change is proved."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradgauge import datasets
from gradgauge.datasets import Dataset
from gradgauge.diagnosis.budget import Budget, read_budget
from gradgauge.errors import InvalidValue
from gradgauge.listening import OnProgress
from gradgauge.parts.losses import LOSSES
from gradgauge.remedies.own import arguments as own_arguments
from gradgauge.remedies.plan import TRAININGS, Pace
from gradgauge.remedies.result import RemedyResult
from gradgauge.remedies.spec.case import SpecCase
from gradgauge.remedies.spec.trainer import SpecTrainer
from gradgauge.remedies.store import Store
from gradgauge.remedies.trainer import Candidate
from gradgauge.remedies.trial import Given, OnEstimate, try_remedies
from gradgauge.spec.comparison import read_comparison
from gradgauge.spec.network import NetworkSpec

if TYPE_CHECKING:
    from gradgauge.remedies.own.trainer import OwnTrainer


def remedy(
    target: Any,
    *args: Any,
    dataset: str | Path | Dataset | None = None,
    budget: float | str | None = None,
    out: Path | str | None = None,
    depth: int | None = None,
    width: int | None = None,
    seed: int | None = None,
    on_progress: OnProgress | None = None,
    on_estimate: OnEstimate | None = None,
    trust: bool = False,
    **options: Any,
) -> RemedyResult:
    """Diagnose a training run and, if it has a fault, try remedies and prove one.

    Args:
        target: an activation (`"sigmoid"`), a notation, or a spec; or your own model:
            a function that builds one, called once per seed: a compiled Keras model, a PyTorch
            module with loss and optimizer, or a JAX loss with parameters,
            `remedy(make_model, x=x, y=y)`;
            a model with the arguments of `diagnose`, whose weights are kept: `remedy(model, x, y)`
            for Keras, `remedy(module, loss, optimizer, loader)`, `remedy(loss, params, x, y)`;
            a function's name (`file.py:function`) or a model file. The model is not changed.
        args: see `target`.
        dataset: a name, the path of an .npz or .csv file, or a Dataset; None: MNIST, or x and y.
        budget: training runs of the given length per arm, such as 12, or a time limit for
            everything, such as "90s"; None: `plan.TRAININGS`.
        out: a folder that keeps the trained results, so that the same call resumes; None: they
            are not kept.
        depth, width: hidden layers of a network given by its activation; None: 10 of 64 units.
        seed: the first seed of the confirmation; None: 0.
        on_progress: called with (done, total).
        on_estimate: called before the trial with the plan and the estimated seconds.
        trust: whether code in a model file may be run.
        options: any field of TrainingSpec except `seeds`: `optimizer`, `learning_rate`, `epochs`, ...;
            for your own model `x`, `y`, `test_x`, `test_y` (None: a fifth is held out),
            `epochs`, `batch_size`, options of its framework, and `limits` and `off` of `diagnose`.

    Returns:
        The result: `.verdict`, `.winner`, `.arms`, `.patch`, `.apply()`, `.to_json()`.

    Raises:
        GradgaugeError: a problem with the target, the data or the options, or a budget that is
            too small to decide anything (BudgetTooSmall).
    """
    limit = _budget(budget)
    store: Store | None = None
    try:
        if isinstance(target, NetworkSpec) or _is_notation(target):
            if args:
                raise InvalidValue("target", target, "no_arguments")
            trainer = spec_trainer(target, dataset, depth=depth, width=width, seed=seed, **options)
            given = given_of(trainer)
        else:
            own_arguments.without("depth", depth)
            own_arguments.without("width", width)
            trainer, given = _own(target, args, dataset, limit, seed, trust, options)
        store = Store(out) if out is not None else None
        return try_remedies(
            trainer,
            given,
            None if budget is None else limit,
            store=store,
            on_progress=on_progress,
            on_estimate=on_estimate,
        )
    finally:
        if store is not None:
            store.close()


def _is_notation(target: Any) -> bool:
    return isinstance(target, str) and not own_arguments.names_own(target)


def _own(
    target: Any,
    args: tuple[Any, ...],
    dataset: Any,
    limit: Budget,
    seed: int | None,
    trust: bool,
    options: dict[str, Any],
) -> tuple[OwnTrainer, Given]:
    """The trainer of somebody's own model, and its diagnosis."""
    from gradgauge.remedies.own.run import given_of, own_trainer

    if "seeds" in options:
        raise InvalidValue("seeds", options["seeds"], "from_budget")
    asked = {name: options.pop(name) for name in ("limits", "off") if name in options}
    if isinstance(target, str):
        target, args, found = own_arguments.named_target(target, args, dataset, trust)
        options = {**found, **options}
    own = own_arguments.read_own(target, args, dataset, seed, options)
    trainer = own_trainer(own)
    return trainer, given_of(own, trainer, limit, asked)


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
        Pace(max(seconds, 1e-3)),
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
