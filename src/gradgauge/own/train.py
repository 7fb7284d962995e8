"""Trains what a function makes, once a seed, under watch, and leaves the process as it was."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradgauge.datasets.facts import DataFacts
from gradgauge.engine.terms import Stop
from gradgauge.errors import GradgaugeWarning
from gradgauge.gauges import PROBE_SAMPLES
from gradgauge.own.data import Batches, OwnData, leaves, rows_of
from gradgauge.own.errors import OwnProblem
from gradgauge.own.loops import loop_of
from gradgauge.own.loops.loop import Facts, Loop, Watching
from gradgauge.own.made import JAX, Compile, Made, made_of
from gradgauge.own.members import stacked
from gradgauge.own.score import accuracy, explained_variance, is_one_hot
from gradgauge.own.states import frameworks, kept_states, seed_all
from gradgauge.run import Run, RunGroup
from gradgauge.spec.training import TrainingSpec

PROBES, NORMS = 16, 240
"""Looks at everything, and at the norms of gradients and updates, in one training."""

EVALUATION_ROWS = 1_000
"""Samples of one pass of an evaluation: bounds its memory."""

Function = Callable[..., Any]


@dataclass(frozen=True)
class Schedule:
    """How long somebody's own networks are trained, and how often.

    Attributes:
        epochs: passes over the training data, reshuffled each.
        batch_size: samples a step.
        seeds: one training for each: of the function's call, and of the batches' order.
    """

    epochs: int = 5
    batch_size: int = 400
    seeds: tuple[int, ...] = (0,)

    def steps(self, samples: int) -> int:
        """Steps of all trainings together."""
        return -(-samples // self.batch_size) * self.epochs * len(self.seeds)


@dataclass(frozen=True)
class Network:
    """A function that makes a network, and the form in which that takes its inputs.

    Attributes:
        name: what reports call it.
        function: called anew for every seed.
        data: what it is trained on.
        training: what compiles a Keras model that is not compiled; None: nothing does.
        facts: what its first network says of itself.
        framework: `keras`, `pytorch` or `jax`.
        programs: of JAX, what its trainings have compiled (`Made.programs`).
    """

    name: str
    function: Function
    data: OwnData
    facts: Facts
    framework: str
    training: TrainingSpec | None = None
    programs: Any = None


def network_of(
    name: str,
    function: Function,
    data: OwnData,
    training: TrainingSpec | None = None,
    seed: int = 0,
) -> Network:
    """Call the function once or twice and look at what it makes; nothing is trained.

    Args:
        name: what reports call it.
        function: see `made.made_of`; called with `seed=` if it takes that.
        data: what it will be trained on.
        training: see Network.
        seed: the first one.

    Raises:
        OwnProblem: it returns what is no network, one and the same network twice, or a network
            that does not take the data.
    """
    with kept_states():
        compile_ = _compile_for(data, training)
        first = call(function, seed, name, compile_)
        again = call(function, seed, name, compile_)
        if again.model is first.model and first.framework != "jax":
            raise OwnProblem("same_model", name=name)
        fitting = _fitting(data, first, lambda: call(function, seed, name, compile_), name)
        loop = loop_of(again)
        problem = loop.takes(*_few(fitting))
        if problem:
            raise OwnProblem("wrong_shape", name=name, shape=_shape(fitting), why=problem)
        programs = _programs() if again.framework == JAX else None
        framework = again.framework
        return Network(name, function, fitting, loop.facts(), framework, training, programs)


def _programs() -> Any:
    from gradgauge.own.loops.jax_programs import Programs

    return Programs()


def _compile_for(data: OwnData, training: TrainingSpec | None) -> Compile | None:
    if training is None:
        return None

    def compile_(model: Any) -> bool:
        from gradgauge.own.loops.keras_compile import compile_like

        return compile_like(model, training, data.classes, is_one_hot(data.y))

    return compile_


def call(function: Function, seed: int, name: str, compile_: Compile | None = None) -> Made:
    """What the function makes under this seed.

    Raises:
        OwnProblem: it is no network.
    """
    known = frameworks()
    seed_all(seed)
    returned = _called(function, seed)
    if frameworks() != known:
        # It has just imported what draws the weights: once more, now that the seed is set there.
        seed_all(seed)
        returned = _called(function, seed)
    return made_of(returned, name, compile_)


def _called(function: Function, seed: int) -> Any:
    return function(seed=seed) if takes_seed(function) else function()


def takes_seed(function: Function) -> bool:
    """Whether the function has a parameter `seed`."""
    import inspect

    try:
        return "seed" in inspect.signature(function).parameters
    except (ValueError, TypeError):
        return False


def _fitting(data: OwnData, made: Made, make: Callable[[], Made], name: str) -> OwnData:
    """The data in the first of its forms that the network takes.

    A form that is not taken may have built half a network: each is tried on one of its own.
    """
    if not data.shapes:
        return data
    own = getattr(made.model, "input_shape", None)
    shapes = list(data.shapes)
    if isinstance(own, tuple) and None not in own[1:] and math.prod(own[1:]) == _size(data):
        shapes.insert(0, tuple(own[1:]))
    answers = []
    for number, shape in enumerate(shapes):
        tried = made if number == 0 else make()
        formed = data.shaped(shape)
        answer = loop_of(tried).takes(*_few(formed))
        if not answer:
            return formed
        answers.append(answer)
    raise OwnProblem("wrong_shape", name=name, shape=_shape(data), why=answers[0])


def _few(data: OwnData) -> tuple[Any, np.ndarray]:
    return rows_of(data.x, slice(0, 2)), data.y[:2]


def _size(data: OwnData) -> int:
    return int(np.prod(leaves(data.x)[0].shape[1:]))


def _shape(data: OwnData) -> str:
    return ", ".join(str(("n", *leaf.shape[1:])).replace("'", "") for leaf in leaves(data.x))


@dataclass
class TrainedNetwork:
    """What became of a network.

    Attributes:
        run: a member a seed.
        interrupted: whether Ctrl-C or a `stop` ended it; the Run then holds what was finished.
    """

    run: Run
    interrupted: bool = False


def train_network(
    network: Network,
    schedule: Schedule,
    on_step: Callable[[int], None] | None = None,
    stop: Stop | None = None,
) -> TrainedNetwork:
    """Train it once a seed.

    Args:
        network: as `network_of` looked at it.
        schedule: how long, and how often.
        on_step: told how many steps of all seeds are made.
        stop: asked after every step; set it from any thread to end the training.

    Raises:
        InvalidValue: a batch larger than the data.
        OwnProblem: the function returns what is no network.
    """
    runs: list[Run] = []
    drawn: list[list[np.ndarray]] = []
    interrupted = False
    per_seed = schedule.steps(network.data.samples) // len(schedule.seeds)
    with kept_states():
        for number, seed in enumerate(schedule.seeds):

            def told(made: int, before: int = number * per_seed) -> None:
                if on_step is not None:
                    on_step(before + made)
                if stop is not None and stop.is_set():
                    raise KeyboardInterrupt

            if stop is not None and stop.is_set():
                interrupted = True
                break
            try:
                loop = loop_of(made_for(network, seed))
                if number < 2:
                    drawn.append(loop.weights())
                runs.append(_member(network, loop, schedule, seed, told))
            except KeyboardInterrupt:
                interrupted = True
                break
    if len(drawn) == 2 and _alike(*drawn):
        warnings.warn(GradgaugeWarning("own.same_weights", name=network.name), stacklevel=2)
    return TrainedNetwork(_run(network, schedule, runs), interrupted)


def made_for(network: Network, seed: int) -> Made:
    """What the function makes under this seed, built; call it within `kept_states`.

    Raises:
        OwnProblem: it is no network.
    """
    compile_ = _compile_for(network.data, network.training)
    made = call(network.function, seed, network.name, compile_)
    made.programs = network.programs
    loop_of(made).takes(*_few(network.data))  # Builds what is not built, under this seed.
    return made


def _alike(one: list[np.ndarray], other: list[np.ndarray]) -> bool:
    return bool(one) and len(one) == len(other) and all(map(np.array_equal, one, other))


def _member(
    network: Network, loop: Loop, schedule: Schedule, seed: int, told: Callable[[int], None]
) -> Run:
    """One training, and its figures on the test data."""
    data = network.data
    batches = Batches(data.x, data.y, schedule.batch_size, schedule.epochs, seed)
    # A loss that is not known may be one within the batch: it gets a batch as it would anyway.
    most = PROBE_SAMPLES if network.facts.loss_kind else min(batches.size, PROBE_SAMPLES)
    watching = Watching(
        network.name,
        rows_of(data.x, slice(0, most)),
        data.y[:most],
        max(1, batches.steps // PROBES),
        max(1, batches.steps // NORMS),
    )
    seed_all(seed)
    with np.errstate(all="ignore"):  # A training that diverges is measured, not complained about.
        run = loop.train(batches, watching, told)
    assert run is not None
    return replace(run, members=RunGroup(run.members.coords, _figures(run, loop, data)))


def _figures(run: Run, loop: Loop, data: OwnData) -> dict[str, Any]:
    """The member's figures: those of the watcher, and what the test data say."""
    found = dict.fromkeys(("test_loss", "test_accuracy", "explained_variance"), math.nan)
    if not loop.broke():
        found["test_loss"] = loop.loss(data.test_x, data.test_y, EVALUATION_ROWS)
        outputs = loop.outputs(data.test_x, EVALUATION_ROWS)
        if outputs is not None and data.classes:
            found["test_accuracy"] = accuracy(outputs, data.test_y)
        elif outputs is not None:
            found["explained_variance"] = explained_variance(outputs, data.test_y)
    return {
        **run.members.variables,
        **{name: (("member",), np.array([value])) for name, value in found.items()},
    }


def _run(network: Network, schedule: Schedule, runs: Sequence[Run]) -> Run:
    facts = network.facts
    attributes = {
        "name": network.name,
        "notation": "",
        "framework": network.framework,
        "parameters": facts.parameters,
        "training": json.dumps(
            {
                "optimizer": facts.optimizer,
                "learning_rate": facts.learning_rate
                if math.isfinite(facts.learning_rate)
                else None,
                "loss": facts.loss,
                "loss_kind": facts.loss_kind,
                "batch_size": schedule.batch_size,
                "epochs": schedule.epochs,
                "seeds": list(schedule.seeds),
                "dtype": "float32",
            }
        ),
        **DataFacts.of(network.data.as_dataset(), facts.loss_kind, PROBE_SAMPLES).attributes(),
        "device": facts.device,
        "source": "own",
    }
    if runs:
        return stacked(runs, schedule.seeds[: len(runs)], attributes)
    return _nothing(attributes)


def _nothing(attributes: dict[str, Any]) -> Run:
    """The Run of a network that was stopped before it began."""
    from gradgauge.watchers.recorder import Recorder

    empty = Recorder(attributes).run()
    none = {name: (axes, values[:0]) for name, (axes, values) in empty.members.variables.items()}
    groups = {
        name: RunGroup(
            {**group.coords, "member": np.zeros(0, np.int64)},
            {k: (axes, values[:0]) for k, (axes, values) in group.variables.items()},
        )
        for name, group in empty.groups.items()
    }
    return Run(empty.attributes, RunGroup({"member": np.zeros(0, np.int64)}, none), groups)
