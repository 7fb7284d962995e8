"""Arms: networks trained side by side on the same data, whoever made them.

`compare`, `why` and the trials of remedies say what their arms are; here they are trained: dense
networks together, by the engine, somebody's own ones after them, each in its own framework.
Arms with one seed see the same batches in the same order.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gradgauge.datasets import Dataset
from gradgauge.engine.build import Adjust
from gradgauge.engine.cost import entries_seconds, model_seconds, positions
from gradgauge.engine.limits import check_fits, check_memory, model_bytes
from gradgauge.engine.runtime import on_cpu, workers
from gradgauge.engine.terms import Entry, OnRun, Stop, TrainingResult
from gradgauge.engine.train import train
from gradgauge.listening import OnProgress, expect
from gradgauge.own.data import leaves
from gradgauge.own.train import Network, Schedule, train_network
from gradgauge.run import Run
from gradgauge.spec.network import NetworkSpec
from gradgauge.spec.training import TrainingSpec


@dataclass(frozen=True)
class Arm:
    """One network of an experiment, trained once for every seed of its training.

    Attributes:
        name: what its Run is called.
        network: a dense one's spec, or a function that makes one, with its data.
        training: how; of somebody's own network only epochs, batch size and seeds are read: loss
            and optimizer are its own.
        adjust: a change of a dense network's initial parameters; None: as drawn.
    """

    name: str
    network: NetworkSpec | Network
    training: TrainingSpec
    adjust: Adjust | None = None

    @property
    def schedule(self) -> Schedule:
        """How long somebody's own network is trained, and how often."""
        training = self.training
        return Schedule(training.epochs, training.batch_size, training.seeds)


def run_arms(
    arms: Sequence[Arm],
    dataset: Dataset,
    on_progress: OnProgress | None = None,
    on_run: OnRun | None = None,
    *,
    stop: Stop | None = None,
) -> TrainingResult:
    """Train every arm with every seed.

    Ctrl-C or `stop` ends all trainings, and keeps what they did.

    Args:
        arms: what to train.
        dataset: what the dense ones are trained on; the others bring theirs.
        on_progress: told of steps made and steps in all.
        on_run: handed an arm's number and its Run as soon as it is complete.
        stop: asked between the steps; set it from any thread to end the training.

    Raises:
        InvalidValue: a batch larger than the data.
        TooLarge: a network needs more memory than is free.
        OwnProblem: a function makes what is no network.
    """
    for arm in arms:
        if isinstance(arm.network, Network) and arm.network.facts.on_cpu:
            check_fits(arm.name, model_bytes(arm.network.facts.parameters))
    entries = [_entry(arm) for arm in arms if isinstance(arm.network, NetworkSpec)]
    if entries and on_cpu():
        check_memory(entries, workers())  # Before a time is told that nobody will wait for.
    expect(on_progress, expected_seconds(arms, dataset))
    dense = [at for at, arm in enumerate(arms) if isinstance(arm.network, NetworkSpec)]
    progress = _Progress(on_progress, arms)
    runs: dict[int, Run] = {}
    seconds = {"compile": 0.0, "train": 0.0, "evaluate": 0.0}
    interrupted = False
    if dense:
        result = train(
            [_entry(arms[at]) for at in dense],
            dataset,
            progress.of_engine,
            None if on_run is None else lambda number, run: on_run(dense[number], run),
            stop=stop,
        )
        runs.update(zip(dense, result.runs, strict=True))
        seconds.update(result.seconds)
        interrupted = result.interrupted
    began = time.perf_counter()
    for at, arm in enumerate(arms):
        if not isinstance(arm.network, Network):
            continue
        schedule, told = arm.schedule, progress.of_arm(at)
        ended = interrupted or (stop is not None and stop.is_set())
        trained = train_network(arm.network, schedule, told, stop=_Ended() if ended else stop)
        runs[at], interrupted = trained.run, interrupted or trained.interrupted
        if on_run is not None and not trained.interrupted:
            on_run(at, trained.run)
    seconds["train"] += time.perf_counter() - began
    return TrainingResult([runs[at] for at in range(len(arms))], interrupted, seconds)


def expected_seconds(arms: Sequence[Arm], dataset: Dataset) -> float:
    """About how long it takes to train every arm with every seed; what an accelerator trains is
    not known, and left out."""
    dense = [_entry(arm) for arm in arms if isinstance(arm.network, NetworkSpec)]
    seconds = entries_seconds(dense, len(dataset.y_train)) if dense and on_cpu() else 0.0
    return seconds + sum(map(_own_seconds, arms))


def _own_seconds(arm: Arm) -> float:
    """Of somebody's own network; 0 where it is none, or not trained on this machine's cores."""
    if not isinstance(arm.network, Network) or not arm.network.facts.on_cpu:
        return 0.0
    data, training = arm.network.data, arm.training
    places = positions([leaf.shape for leaf in leaves(data.x)])
    steps = arm.schedule.steps(data.samples)
    return model_seconds(arm.network.facts.parameters, training.batch_size, places, steps)


class _Ended:
    """A training that is over before it begins."""

    def is_set(self) -> bool:
        return True


def _entry(arm: Arm) -> Entry:
    assert isinstance(arm.network, NetworkSpec)
    return Entry(arm.name, arm.network, arm.training, arm.adjust)


class _Progress:
    """Steps of the engine's arms and of the others, told as one number."""

    def __init__(self, told: OnProgress | None, arms: Sequence[Arm]):
        self._told = told
        self._own = {
            at: arm.schedule.steps(arm.network.data.samples)
            for at, arm in enumerate(arms)
            if isinstance(arm.network, Network)
        }
        self._engine = 0
        self._made = dict.fromkeys(self._own, 0)

    def of_engine(self, made: int, total: int) -> None:
        """Steps of the engine's arms."""
        self._engine = total
        self._tell(made)

    def of_arm(self, at: int) -> Callable[[int], None]:
        """Who is told the steps of one of the others."""

        def told(made: int) -> None:
            self._made[at] = made
            self._tell(self._engine)

        return told

    def _tell(self, engine: int) -> None:
        if self._told is not None:
            total = self._engine + sum(self._own.values())
            self._told(engine + sum(self._made.values()), total)
