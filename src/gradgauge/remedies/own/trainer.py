"""Trainer of somebody's own network: one training after the other, in its own framework."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from gradgauge._version import __version__
from gradgauge.diagnosis.finding import FAULT
from gradgauge.diagnosis.recorded import diagnose_run
from gradgauge.gauges import PROBE_SAMPLES
from gradgauge.listening import OnProgress
from gradgauge.own.data import Batches, OwnData, fingerprint, rows_of
from gradgauge.own.loops import loop_of
from gradgauge.own.loops.loop import Watching
from gradgauge.own.made import JAX, KERAS
from gradgauge.own.members import stacked
from gradgauge.own.states import kept_states, seed_all
from gradgauge.own.train import Network, made_for
from gradgauge.parts.activations import ACTIVATIONS
from gradgauge.remedies.known import BY_KEY
from gradgauge.remedies.own.scoring import WORST, halves, metric_of, score_of
from gradgauge.remedies.own.target import Target, target_of
from gradgauge.remedies.surgery import Site, takes, treat
from gradgauge.remedies.surgery.schedulers import told_of
from gradgauge.remedies.trainer import (
    REMEDY,
    SIGNAL_GAUGES,
    Candidate,
    CannotApply,
    Dose,
    Metric,
    OnOutcome,
    Outcome,
    Task,
    Trained,
)
from gradgauge.run import Run
from gradgauge.study.by_layer import by_layer

if TYPE_CHECKING:
    from gradgauge.remedies.own.keras_models import KerasModels

_PROBES, _NORMS = 8, 24


class OwnTrainer:
    """Somebody's own framework as a Trainer.

    What was given stays as it was: trainings are made on what a function makes, or on copies, and
    random states of the process are put back, also after an exception and Ctrl-C.

    Args:
        target: the training as it is.
    """

    def __init__(self, target: Target):
        self._target = target
        self._network = target.network
        self._halves = halves(target.network.data.test_y)
        self.in_order: bool = False
        """Whether a diagnosis says that samples which are not shuffled are its fault: it is repeated
        like that then; any other training is shuffled anew for every seed."""
        self._applied: dict[tuple[tuple[str, tuple[str, ...]], ...], CannotApply | None] = {}
        self.errors_explained: bool = False
        """Whether a diagnosis says why this training ends with an error: it counts as one that
        broke off then; any other error is the user's own and passes."""

    @property
    def target(self) -> str:
        """The function's name, or the model's class."""
        return self._network.name

    @property
    def network(self) -> Network:
        """The function that makes it, and its data."""
        return self._network

    @property
    def framework(self) -> str:
        """`keras`, `pytorch` or `jax`."""
        return self._network.framework

    @property
    def fresh(self) -> bool:
        """Whether every seed has new weights; else a given network's own, in another order."""
        return self._target.fresh

    @property
    def metric(self) -> Metric:
        """See `scoring.metric_of`."""
        return self._metric

    @cached_property
    def _metric(self) -> Metric:
        return metric_of(self._network)

    @property
    def fingerprint(self) -> str:
        """Of the network's initial weights, what trains it, the data and this version."""
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        facts, training = self._network.facts, self._target.training
        with kept_states():
            made = made_for(self._network, training.seeds[0])
            weights = loop_of(made).weights()
        told = [
            *(self.target, facts.optimizer, facts.learning_rate, facts.loss, __version__),
            *(training.epochs, training.batch_size, self.in_order, fingerprint([*weights])),
            self._network.data.fingerprint,
            *told_of(made, training.epochs, self._batches(self._network.data, 0, 1).steps),
        ]
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()

    @property
    def learning_rate(self) -> float:
        """Of the training as it is; 1 where its optimizer hides it: rates are factors then."""
        rate = self._network.facts.learning_rate
        return rate if math.isfinite(rate) else 1.0

    @cached_property
    def scales_rate(self) -> bool:
        """Whether the rate is no one number to be set: a Keras optimizer has a schedule, one of
        PyTorch a scheduler, one of optax hides it."""
        with kept_states():
            made = made_for(self._network, 0)
        if made.framework == JAX:
            return made.optimizer is not None
        if made.scheduler is not None:
            return True
        model = made.model
        rate = getattr(getattr(model, "optimizer", None), "_learning_rate", None)
        return self.framework == KERAS and callable(rate) and hasattr(rate, "get_config")

    @property
    def epochs(self) -> int:
        """Of the training as it is."""
        return self._target.training.epochs

    @property
    def samples_per_training(self) -> int:
        """Samples of one training of the given length."""
        return self._network.data.samples * self.epochs

    @property
    def lanes(self) -> int:
        """One: each training has all cores."""
        return 1

    @cached_property
    def activation(self) -> str:
        """The activation that most hidden layers have; empty where none is known."""
        with kept_states():
            loop = loop_of(made_for(self._network, 0))
            try:
                run = loop.train(self._batches(self._network.data, 0, 1), self._watching(1), most=1)
            except Exception:
                if not self.errors_explained:
                    raise
                run = None
        names = [layer.activation for layer in run.layers if not layer.output] if run else []
        known = [name for name in names if name in ACTIVATIONS and name != "linear"]
        return max(set(known), key=known.count) if known else ""

    @cached_property
    def _models(self) -> KerasModels | None:
        """Of a Keras model that is given, those that have compiled their steps. What a function makes
        may be another one for every seed."""
        if self.framework != KERAS or self.fresh:
            return None
        from gradgauge.remedies.own.keras_models import KerasModels

        return KerasModels()

    def applies(self, *doses: Dose) -> CannotApply | None:
        """Why remedies cannot be applied here, one after the other; None: they can. How much of them
        makes no difference."""
        key = tuple((dose.remedy, dose.layers) for dose in doses)
        if key not in self._applied:
            self._applied[key] = self._tried_on(doses)
        return self._applied[key]

    def _tried_on(self, doses: tuple[Dose, ...]) -> CannotApply | None:
        try:
            with kept_states():
                site = self._treated(Candidate(REMEDY, doses), 0)
                if any(BY_KEY[dose.remedy].certain for dose in doses):
                    takes(site)  # Another loss or output: does it go with the targets?
        except CannotApply as why:
            return why
        return None

    def rate_of(self, candidate: Candidate) -> float:
        """The learning rate that a candidate trains at, as far as it is known."""
        # What a schedule begins with is not its rate.
        doses = tuple(d for d in candidate.doses if "schedule" not in BY_KEY[d.remedy].touches)
        with kept_states():
            site = self._treated(dataclasses.replace(candidate, doses=doses), 0)
        rate = loop_of(site.made).facts().learning_rate
        if math.isfinite(rate):
            return rate * site.made.rate_factor
        return self.learning_rate * site.made.rate_factor

    def apply(self, candidate: Candidate, model: Any = None, seed: int = 0) -> Any:
        """A network with a candidate's changes, untrained.

        Args:
            candidate: the changes.
            model: what to change, as a function returns it; it is copied. None: the target's.
            seed: of new weights.

        Returns:
            The model; of PyTorch (module, loss, optimizer), for a module that has new parameters
            has a new optimizer; of JAX the parameters and the optimizer (None: plain steps)
            at the candidate's rate.

        Raises:
            CannotApply: one of its remedies cannot be applied.
        """
        network = self._network
        if model is not None:
            network = target_of(model, network.data, self._target.training).network
        with kept_states():
            made = self._treated(candidate, seed, network).made
        if made.framework == KERAS:
            return made.model
        if made.framework == JAX:
            from gradgauge.remedies.surgery.jax import scaled_optimizer

            return made.model, scaled_optimizer(made)
        return made.model, made.loss, made.optimizer

    def train(
        self,
        task: Task,
        on_progress: OnProgress | None = None,
        on_outcome: OnOutcome | None = None,
    ) -> Trained:
        """See Trainer."""
        outcomes: list[Outcome] = []
        told = _Told(on_progress, len(task.candidates) * len(task.seeds))
        try:
            with kept_states():
                for candidate in task.candidates:
                    members = []
                    for seed in task.seeds:
                        members.append(self._member(candidate, seed, task, told))
                        told.over()
                    outcome = self._outcome(candidate, task.seeds, members)
                    outcomes.append(outcome)
                    if on_outcome is not None:
                        on_outcome(outcome)
        except (KeyboardInterrupt, _TooLate):
            return Trained(outcomes, interrupted=True)
        return Trained(outcomes)

    # -- one training

    def _treated(self, candidate: Candidate, seed: int, network: Network | None = None) -> Site:
        network = network or self._network
        made = made_for(network, seed)
        steps = self._batches(network.data, seed, self.epochs).steps
        needs = any(BY_KEY[dose.remedy].facts for dose in candidate.doses)
        activation = self.activation if needs else ""
        site = Site(made, network.data, activation, seed, steps, in_order=self.in_order)
        return treat(site, candidate.doses, candidate.rate_factor)

    def _treated_at(self, candidate: Candidate, seed: int) -> Site:
        """The same at any seed: one that could be applied with the first may meet nothing to change
        in another's draw, such as no dead unit, and leaves that as it is."""
        try:
            return self._treated(candidate, seed)
        except CannotApply:
            kept: tuple[Dose, ...] = ()
            for dose in candidate.doses:
                with contextlib.suppress(CannotApply):
                    self._treated(dataclasses.replace(candidate, doses=(*kept, dose)), seed)
                    kept += (dose,)
            return self._treated(dataclasses.replace(candidate, doses=kept), seed)

    def _batches(self, data: OwnData, seed: int, epochs: int, in_order: bool = False) -> Batches:
        size = self._target.training.batch_size
        return Batches(data.x, data.y, size, epochs, seed, in_order)

    def _watching(self, steps: int, data: OwnData | None = None) -> Watching:
        data = data or self._network.data
        size = self._target.training.batch_size
        most = PROBE_SAMPLES if self._network.facts.loss_kind else min(size, PROBE_SAMPLES)
        return Watching(
            self.target,
            rows_of(data.x, slice(0, most)),
            data.y[:most],
            max(1, steps // _PROBES),
            max(1, steps // _NORMS),
        )

    def _member(self, candidate: Candidate, seed: int, task: Task, told: _Told) -> _Member:
        site = self._treated_at(candidate, seed)
        batches = self._batches(site.data, seed, task.epochs(self.epochs), site.in_order)
        if self._models is not None:
            site.made.model = self._models.like(site.made.model, candidate.doses)
        loop = loop_of(site.made)
        confirming = task.rows == "confirm"
        watching = self._watching(batches.steps, site.data) if confirming else None

        def step(made: int) -> None:
            told.within(made / batches.steps)
            if task.until is not None and time.perf_counter() > task.until:
                raise _TooLate

        seed_all(seed)
        began = time.perf_counter()
        with np.errstate(all="ignore"):  # A training that diverges is a result, not a complaint.
            try:
                run = loop.train(batches, watching, step)
                score = score_of(loop, site, self._halves[task.rows], self.metric.name)
            except _TooLate:
                raise
            # What ends a training is whatever the user's parts happen to raise.
            except Exception:
                # The training as it is would have told of an error of the user's own.
                if not self.errors_explained and not candidate.doses:
                    raise
                run, score = None, WORST[self.metric.name]
            spent = time.perf_counter() - began
        return _Member(score, batches.steps, spent / batches.steps, loop.facts().parameters, run)

    def _outcome(
        self, candidate: Candidate, seeds: Sequence[int], members: Sequence[_Member]
    ) -> Outcome:
        runs = [member.run for member in members if member.run is not None]
        size = self._target.training.batch_size
        samples = sum(member.steps * size for member in members)
        return Outcome(
            candidate,
            seeds=tuple(seeds),
            scores=tuple(member.score for member in members),
            samples=samples,
            findings=_lasting(runs),
            seconds_per_step=float(np.median([member.seconds for member in members])),
            parameters=members[0].parameters,
            curve=tuple(tuple(run.values("epochs", "loss")[0].tolist()) for run in runs),
            signal={n: tuple(by_layer(runs[0], n).tolist()) for n in SIGNAL_GAUGES} if runs else {},
            run=stacked(runs, seeds, {}) if runs and len(runs) == len(seeds) else None,
        )


@dataclass(frozen=True)
class _Member:
    """One training: its score, steps, seconds a step, parameters, and its Run if it was watched."""

    score: float
    steps: int
    seconds: float
    parameters: int
    run: Run | None


class _TooLate(Exception):
    """The moment at which to give up has come."""


class _Told:
    """Progress over all trainings, in thousandths of one."""

    def __init__(self, on_progress: OnProgress | None, trainings: int):
        self._tell, self._trainings, self._over = on_progress, trainings, 0

    def within(self, share: float) -> None:
        """So much of the present training is done."""
        if self._tell is not None:
            self._tell(round(1_000 * (self._over + share)), 1_000 * self._trainings)

    def over(self) -> None:
        """A training is over."""
        self._over += 1
        self.within(0.0)


def _lasting(runs: Sequence[Run]) -> tuple[str, ...]:
    """Names of the rules that find a fault in half of the trainings or more."""
    found = [{f.rule for f in diagnose_run(r).findings if f.severity == FAULT} for r in runs]
    names = dict.fromkeys(name for names in found for name in sorted(names))
    return tuple(n for n in names if 2 * sum(n in names for names in found) >= len(runs))
