"""Time saved by ending faulty trials early in a hyperparameter search.

    python benchmarks/pruning.py [--trials N] [--epochs E] [--studies S] [--json]

Networks of 1 to 12 hidden layers are trained on 8 x 8 digits. Activation, depth, scale of the
initial weights, optimizer and learning rate are drawn at random. Every pruner sees the same draws
with the same seeds, so the same trials reach the same accuracies, and only the time at which a
trial is ended differs. Without a pruner, nothing is watched. Times are CPU time of the process,
with one PyTorch thread.

For each study, the output gives the CPU seconds until the best accuracy of the search without a
pruner is reached, the CPU seconds of the whole search, the best accuracy, and the number of trials
ended. A pruner that ends nothing shows the overhead of watching and noting.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import optuna
import torch
from torch import nn

import gradgauge as gg
from gradgauge import datasets
from gradgauge.integrations.optuna import RulePruner, note

BATCH, WIDTH = 64, 32
EVERY = 22
"""Steps between measurements: one an epoch, more than the default budget of steps of a millisecond."""
ACTIVATIONS = {"relu": nn.ReLU, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh}
PRUNERS: dict[str, Callable[[], optuna.pruners.BasePruner]] = {
    "none": optuna.pruners.NopPruner,
    "watched, nothing ended": optuna.pruners.NopPruner,
    "MedianPruner": optuna.pruners.MedianPruner,
    "RulePruner": RulePruner,
    "RulePruner beside MedianPruner": lambda: RulePruner(beside=optuna.pruners.MedianPruner()),
}
UNWATCHED = ("none", "MedianPruner")


def digits() -> tuple[torch.Tensor, ...]:
    """Training inputs and labels, held-out inputs and labels."""
    data = datasets.load("digits", True)
    arrays = (data.floats(data.x_train), data.y_train, data.floats(data.x_test), data.y_test)
    x, y, test_x, test_y = (torch.as_tensor(np.array(a)) for a in arrays)
    return x.float(), y.long(), test_x.float(), test_y.long()


def drawn(trial: optuna.Trial) -> tuple[nn.Module, torch.optim.Optimizer]:
    """A network and its optimizer."""
    activation = ACTIVATIONS[trial.suggest_categorical("activation", list(ACTIVATIONS))]
    depth = trial.suggest_int("depth", 1, 12)
    scale = trial.suggest_float("scale", 0.1, 4.0, log=True)
    rate = trial.suggest_float("rate", 1e-4, 1.0, log=True)
    kind = trial.suggest_categorical("optimizer", ["adam", "sgd"])
    torch.manual_seed(trial.number)
    widths, parts = [64, *[WIDTH] * depth], list[nn.Module]()
    for m, n in itertools.pairwise(widths):
        parts += [nn.Linear(m, n), activation()]
    model = nn.Sequential(*parts, nn.Linear(WIDTH, 10))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(scale if parameter.dim() > 1 else 1.0)
    if kind == "adam":
        return model, torch.optim.Adam(model.parameters(), rate)
    return model, torch.optim.SGD(model.parameters(), rate, momentum=0.9)


@contextlib.contextmanager
def watching(watched: bool, *parts: Any, **options: Any) -> Iterator[Any]:
    """gradgauge's watcher, or nothing."""
    if not watched:
        yield None
        return
    with gg.watch(*parts, **options) as watcher:
        yield watcher


def search(name: str, trials: int, epochs: int, seed: int) -> list[tuple[float, float, bool]]:
    """(CPU seconds since the start, accuracy, ended early) of every trial."""
    x, y, test_x, test_y = digits()
    loss_of = nn.CrossEntropyLoss()
    found: list[tuple[float, float, bool]] = []
    best = [0.0]
    began = time.process_time()

    def objective(trial: optuna.Trial) -> float:
        model, optimizer = drawn(trial)
        order = torch.Generator().manual_seed(trial.number)
        parts = {"loss": loss_of, "optimizer": optimizer}
        with watching(name not in UNWATCHED, model, x, y, every=EVERY, **parts) as watcher:
            best[0] = 0.0
            for epoch in range(epochs):
                for rows in torch.randperm(len(x), generator=order).split(BATCH):
                    optimizer.zero_grad()
                    loss_of(model(x[rows]), y[rows]).backward()
                    optimizer.step()
                with torch.no_grad():
                    right = (model(test_x).argmax(1) == test_y).float().mean()
                best[0] = max(best[0], float(right))
                trial.report(float(right), epoch)
                if watcher is not None:
                    note(trial, watcher)
                if trial.should_prune():
                    raise optuna.TrialPruned
        return best[0]

    def told(study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
        del study
        ended = trial.state == optuna.trial.TrialState.PRUNED
        found.append((time.process_time() - began, best[0], ended))

    sampler = optuna.samplers.RandomSampler(seed)
    study = optuna.create_study(direction="maximize", pruner=PRUNERS[name](), sampler=sampler)
    study.optimize(objective, n_trials=trials, callbacks=[told])
    return found


def figures(found: list[tuple[float, float, bool]], wanted: float) -> dict[str, float]:
    """What is told of one search.

    Args:
        found: as `search` gives it.
        wanted: the best accuracy of the search without a pruner.
    """
    reached = [seconds for seconds, accuracy, _ in found if accuracy >= wanted]
    return {
        "to_accuracy": reached[0] if reached else float("nan"),
        "seconds": found[-1][0],
        "accuracy": max(accuracy for _, accuracy, _ in found),
        "ended": sum(ended for *_, ended in found),
    }


def main() -> None:
    """Search with every pruner; print the medians over studies."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--studies", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    torch.set_num_threads(1)
    search("watched, nothing ended", 1, 1, 0)  # Imports and first uses, which no pruner pays for.
    rows: dict[str, list[dict[str, float]]] = {name: [] for name in PRUNERS}
    for seed in range(asked.studies):
        searches = {name: search(name, asked.trials, asked.epochs, seed) for name in PRUNERS}
        wanted = max(accuracy for _, accuracy, _ in searches["none"])
        for name, found in searches.items():
            rows[name].append(figures(found, wanted))
    if asked.json:
        print(json.dumps(rows, indent=1))
        return
    print("| pruner | to the accuracy, s | whole search, s | best accuracy | ended |")
    print("|---|---|---|---|---|")
    for name, studies in rows.items():
        to, whole, best, ended = (
            statistics.median(study[key] for study in studies)
            for key in ("to_accuracy", "seconds", "accuracy", "ended")
        )
        print(f"| {name} | {to:.1f} | {whole:.1f} | {best:.3f} | {ended:.0f} of {asked.trials} |")


if __name__ == "__main__":
    main()
