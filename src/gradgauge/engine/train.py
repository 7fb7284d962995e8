"""The engine's door: networks and data in, Runs out. Importing it starts nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from gradgauge.datasets import Dataset
from gradgauge.engine.runtime import start
from gradgauge.engine.terms import Entry, Listeners, OnRun, Stop, TrainingResult
from gradgauge.errors import InvalidValue
from gradgauge.listening import Listener, OnProgress


def train(
    entries: Sequence[Entry],
    dataset: Dataset,
    on_progress: OnProgress | None = None,
    on_run: OnRun | None = None,
    *,
    stop: Stop | None = None,
    listeners: Sequence[Listener] | Listeners = (),
    activations: Collection[str] = (),
) -> TrainingResult:
    """Train every entry with every seed, as ensembles that share compiled programs.

    A member's result does not depend on which others run beside it: on CPU bit for bit.
    Ctrl-C or `stop` ends all trainings after the segment they are in (at most 256 steps), and
    keeps what they did.

    Args:
        entries: what to train.
        dataset: on what.
        on_progress: told of progress.
        on_run: handed every entry's Run as soon as it is complete.
        stop: asked after every segment; set it from any thread to end the training.
        listeners: who is told of figures while they are taken, from a worker's thread, as a
            watcher tells its own. One training (one entry, one seed) takes a sequence; of several
            each has its own, and `listeners` is a function that gives them.
        activations: further ones that programs are compiled for, so that calls with different
            networks share them.

    Raises:
        InvalidValue: a batch larger than the data; a sequence of listeners for several trainings.
        TooLarge: trainings that run at once need more memory than is free.
    """
    start()
    # JAX is imported here, after it has been set up.
    from gradgauge.engine.work import do_work

    told = _each(listeners, entries)
    return do_work(entries, dataset, on_progress, on_run, stop, told, frozenset(activations))


def compile_for(entries: Sequence[Entry], dataset: Dataset) -> None:
    """Compile the programs that `train` would run for these entries, and keep them on disk.

    Args:
        entries: what would be trained, in one call.
        dataset: on what: programs depend on its shapes.

    Raises:
        InvalidValue: a batch larger than the data.
    """
    start()
    # JAX is imported here, after it has been set up.
    from gradgauge.engine.work import compile_ahead

    compile_ahead(entries, dataset)


def load() -> None:
    """Start JAX and import all that `train` needs, so that it can be done beside something else."""
    start()
    import gradgauge.engine.work  # noqa: F401


def _each(listeners: Sequence[Listener] | Listeners, entries: Sequence[Entry]) -> Listeners:
    """The listeners of each training."""
    if callable(listeners):
        return listeners
    trainings = sum(len(entry.training.seeds) for entry in entries)
    if listeners and trainings > 1:
        raise InvalidValue("listeners", trainings, "one_training")
    return lambda _entry, _seed: listeners
