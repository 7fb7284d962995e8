"""Trainer of networks of a notation: all candidates and seeds are one ensemble of the engine."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import threading
import time
from collections.abc import Sequence

import numpy as np

from gradgauge._version import __version__
from gradgauge.datasets import Dataset
from gradgauge.diagnosis.finding import Diagnosis
from gradgauge.engine.terms import Entry
from gradgauge.engine.train import train
from gradgauge.gauges import PROBE_SAMPLES
from gradgauge.listening import OnProgress
from gradgauge.machine import cores
from gradgauge.parts.losses import LOSSES
from gradgauge.remedies.known import BY_KEY
from gradgauge.remedies.spec.case import SpecCase
from gradgauge.remedies.spec.clocks import Clocks
from gradgauge.remedies.spec.diagnosis import diagnose_run, lasting_faults
from gradgauge.remedies.spec.rows import held_out as halved
from gradgauge.remedies.spec.rows import standardized
from gradgauge.remedies.trainer import (
    REMEDY,
    SIGNAL_GAUGES,
    Candidate,
    CannotApply,
    Dose,
    Metric,
    OnOutcome,
    Outcome,
    Rows,
    Task,
    Trained,
)
from gradgauge.run import Run
from gradgauge.spec.network import NetworkSpec
from gradgauge.spec.notation import write
from gradgauge.spec.training import TrainingSpec
from gradgauge.study.by_layer import by_layer

_JUDGED = 3
"""Members of a Run whose findings are asked for: a finding counts if half of them have it."""
_FORWARD = 1 / 3
"""A pass forward alone, of the cost of one forward and back."""
_WORST = -1.0
"""The least explained variance that is told from others: what lies below has diverged."""
_NO_LIMIT = 1e30
_SWAPPED_IN = ("relu", "selu", "tanh", "leaky_relu")
"""Activations that remedies put in: compiled for at once, so that all trainings share programs."""


class SpecTrainer:
    """The engine as a Trainer.

    Args:
        network, training: the training as it is.
        data: what it is trained on; its test rows are kept for confirming.
    """

    framework: str = "spec"

    def __init__(self, network: NetworkSpec, training: TrainingSpec, data: Dataset):
        steps = training.steps_per_epoch(len(data.y_train)) * training.epochs
        self.case: SpecCase = SpecCase(network, training, steps=steps)
        self.data: Dataset = data
        self._rows: dict[tuple[str, bool], Dataset] = {}
        self._activations: set[str] = {*network.activations, *_SWAPPED_IN}
        self._lock = threading.Lock()

    @property
    def target(self) -> str:
        """The notation."""
        return write(self.case.network)

    @property
    def metric(self) -> Metric:
        """Test accuracy, or explained variance where targets are numbers."""
        classes = LOSSES[self.case.training.loss].classification
        return Metric("test_accuracy" if classes else "explained_variance")

    @property
    def fingerprint(self) -> str:
        """Of the network, its training, the data and this version."""
        fields = dataclasses.asdict(self.case.training) | {"seeds": None}
        told = [self.target, fields, self.data.fingerprint, __version__]
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()

    @property
    def learning_rate(self) -> float:
        """Of the training as it is."""
        return self.case.training.learning_rate

    @property
    def epochs(self) -> int:
        """Of the training as it is."""
        return self.case.training.epochs

    @property
    def samples_per_training(self) -> int:
        """Samples of one training of the given length."""
        return len(self.data.y_train) * self.case.training.epochs

    @property
    def lanes(self) -> int:
        """Trainings that run side by side: one a core."""
        return cores()

    def applies(self, *doses: Dose) -> CannotApply | None:
        """Why remedies cannot be applied here, one after the other; None: they can."""
        try:
            self.treated(Candidate(REMEDY, doses))
        except CannotApply as why:
            return why
        return None

    def rate_of(self, candidate: Candidate) -> float:
        """The learning rate that a candidate trains at."""
        return self.treated(candidate).training.learning_rate

    def treated(self, candidate: Candidate) -> SpecCase:
        """The training with a candidate's changes.

        Raises:
            CannotApply: one of its remedies cannot be applied.
        """
        case = self.case
        for dose in candidate.doses:
            remedy = BY_KEY[dose.remedy]
            case = remedy.on_spec(case, remedy.knob.usual if dose.knob is None else dose.knob)
        return case.train_with(learning_rate=case.training.learning_rate * candidate.rate_factor)

    def train(
        self,
        task: Task,
        on_progress: OnProgress | None = None,
        on_outcome: OnOutcome | None = None,
    ) -> Trained:
        """See Trainer."""
        candidates = task.candidates
        cases = [self._short(self.treated(candidate), task) for candidate in candidates]
        self._activations.update(a for case in cases for a in case.network.activations)
        outcomes: dict[int, Outcome] = {}
        interrupted = False
        groups = [[i for i, c in enumerate(cases) if c.standardized is z] for z in (False, True)]
        told, clocks = _Told(on_progress, [len(group) for group in groups]), Clocks()
        for at, group in enumerate(groups):
            if not group or interrupted:
                continue
            data = self.held_out(task.rows, standardized=bool(at))

            def done(index: int, run: Run, group: list[int] = group, data: Dataset = data) -> None:
                place = group[index]
                outcome = self._outcome(candidates[place], cases[place], run, data, task.rows)
                outcome = dataclasses.replace(outcome, seconds_per_step=clocks.seconds(place))
                outcomes[place] = outcome
                if on_outcome is not None:
                    on_outcome(outcome)

            entries = [self._entry(cases[i], data, str(i)) for i in group]
            result = train(
                entries,
                data,
                told.part(at),
                done,
                stop=_deadline(task.until),
                listeners=clocks.listeners(group) if task.rows == "confirm" else (),
                activations=self._activations,
            )
            interrupted = result.interrupted
        complete = [outcomes[place] for place in sorted(outcomes)]
        return Trained(complete, interrupted or len(complete) < len(candidates))

    def _short(self, case: SpecCase, task: Task) -> SpecCase:
        return case.train_with(epochs=task.epochs(self.epochs), seeds=tuple(task.seeds))

    def _entry(self, case: SpecCase, data: Dataset, name: str) -> Entry:
        sample = np.asarray(data.floats(data.x_train[:PROBE_SAMPLES]), np.float64)
        return Entry(name, case.network, _as_all(case.training), case.adjust(sample))

    def diagnosed(self) -> tuple[Diagnosis, float]:
        """The training as it is, made once: what is wrong with it, and the seconds that it took
        without compiling.

        Raises:
            KeyboardInterrupt: it was stopped.
        """
        data = self.held_out("confirm", standardized=False)
        case = self.case.train_with(seeds=self.case.training.seeds[:1])
        made = train([self._entry(case, data, "0")], data, activations=self._activations)
        if made.interrupted or not made.runs[0].seeds:
            raise KeyboardInterrupt
        return diagnose_run(made.runs[0], case, data), made.seconds["train"]

    def held_out(self, rows: Rows, *, standardized: bool) -> Dataset:
        """The training rows, and those that scores are taken on."""
        with self._lock:
            key = (rows, standardized)
            if key not in self._rows:
                self._rows[key] = _rows(self.data, rows, standard=standardized)
            return self._rows[key]

    def _outcome(
        self, candidate: Candidate, case: SpecCase, run: Run, data: Dataset, rows: Rows
    ) -> Outcome:
        made = np.asarray(run.figure("steps_done"), np.float64) * case.training.batch_size
        samples = np.minimum(made, len(data.y_train) * case.training.epochs)
        prepared = _FORWARD * case.prepared * len(run.seeds)
        confirming = rows == "confirm"
        return Outcome(
            candidate,
            seeds=tuple(run.seeds),
            scores=tuple(float(s) for s in self._scores(run, data)),
            samples=round(float(samples.sum()) + prepared),
            findings=lasting_faults(run, case, data, _JUDGED) if confirming else (),
            parameters=case.network.parameters,
            curve=_curve(run, "accuracy" if self.metric.name == "test_accuracy" else "loss"),
            signal=_signal(run) if confirming else {},
            run=run if confirming else None,
        )

    def _scores(self, run: Run, data: Dataset) -> np.ndarray:
        if self.metric.name == "test_accuracy":
            return np.nan_to_num(run.figure("test_accuracy"), nan=0.0)
        spread = float(np.asarray(data.y_test, np.float64).var(axis=0).mean())
        with np.errstate(all="ignore"):
            explained = 1 - run.figure("test_loss") / (spread or 1.0)
        return np.maximum(np.nan_to_num(explained, nan=_WORST, neginf=_WORST), _WORST)


def _rows(data: Dataset, rows: Rows, *, standard: bool) -> Dataset:
    kept = halved(data, rows)
    return standardized(kept) if standard else kept


def _as_all(training: TrainingSpec) -> TrainingSpec:
    """The same training with a limit on gradients and a warm-up, such that neither does anything:
    candidates that have them share the programs of those that have not."""
    warm_up = 1 if training.schedule == "constant" else 0
    return training.replace(
        clip_norm=training.clip_norm or _NO_LIMIT,
        warmup_steps=training.warmup_steps or warm_up,
    )


def _curve(run: Run, figure: str) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(float(v) for v in row) for row in run.values("epochs", figure))


def _signal(run: Run) -> dict[str, tuple[float, ...]]:
    return {name: tuple(float(v) for v in by_layer(run, name)) for name in SIGNAL_GAUGES}


class _Deadline:
    """A Stop that is set from a moment on."""

    def __init__(self, until: float):
        self._until = until

    def is_set(self) -> bool:
        """Whether the moment has come."""
        return time.perf_counter() > self._until


def _deadline(until: float | None) -> _Deadline | None:
    return None if until is None else _Deadline(until)


class _Told:
    """Progress of several trainings one after the other, as of one: in thousandths."""

    def __init__(self, on_progress: OnProgress | None, sizes: Sequence[int]):
        self._tell, self._sizes = on_progress, sizes

    def part(self, at: int) -> OnProgress | None:
        """What one of them tells."""
        if self._tell is None:
            return None
        tell, before, own = self._tell, sum(self._sizes[:at]), self._sizes[at]

        def progress(done: int, total: int) -> None:
            share = (before + own * done / max(total, 1)) / sum(self._sizes)
            tell(round(1000 * share), 1000)

        return progress
