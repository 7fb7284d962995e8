"""Overhead of watching: the same training with and without it, interleaved in one run.

    python benchmarks/watching.py [--seconds S] [--rounds R] [--only pytorch|keras] [--cpu]
                                  [--memory] [--json]

There are three models: an MLP with steps of about 1 ms, a small convolutional network and a small
transformer, on PyTorch, and on Keras with the backend in KERAS_BACKEND. PyTorch also has two deep
ones with the layers of ResNet-50 and of GPT-2. gradgauge with its defaults is compared with
TensorBoard histograms of all weights and gradients every 100 steps, `wandb.watch(log="all")` at
its default of every 1,000 batches if wandb is installed, and PyTorch's `detect_anomaly`.

Every round runs each variant once, in turn, for the same number of steps, each on a fresh model;
the overhead is the median over rounds of (variant / plain of the same round - 1). Building the
first measurement (tracing, compiling) is a cost that a training has once: it is shown apart.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import importlib.util
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any

from watched_models import keras_models, torch_models

WARM_UP = 20
CLOCK: list[Callable[[], float]] = [time.perf_counter]
HISTOGRAMS_EVERY = 100


def overheads(
    variants: dict[str, Callable[[int], tuple[float, float]]], steps: int, rounds: int
) -> dict[str, dict[str, float]]:
    """Variant -> median overhead over the plain one, and what it costs once, in seconds."""
    times: dict[str, list[float]] = {name: [] for name in variants}
    once: dict[str, list[float]] = {name: [] for name in variants}
    order = list(variants)
    for index in range(rounds):
        for name in order[index % len(order) :] + order[: index % len(order)]:
            seconds, first = variants[name](steps)
            times[name].append(seconds)
            once[name].append(first)
    plain = times["plain"]
    return {
        name: {
            "step_ms": 1e3 * statistics.median(seconds) / steps,
            "overhead": statistics.median(s / p - 1 for s, p in zip(seconds, plain, strict=True)),
            "once_seconds": statistics.median(once[name]),
        }
        for name, seconds in times.items()
    }


PEAK_STEPS = 20


def peak_memory(family: str, training: str, variant: str) -> float:
    """Most memory, in MiB, that a training of some steps has in a process of its own."""
    command = [sys.executable, __file__, "--peak", family, training, variant]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(done.stdout.split()[-1])


# -- PyTorch


def torch_variants(build: Callable[[], tuple[Any, Any, Any]]) -> dict[str, Any]:
    """The ways to train one model."""
    import torch

    import gradgauge as gg

    def train(steps: int, context: Callable[[Any], Any], each: Callable[..., None] | None = None):
        torch.manual_seed(0)
        model, x, y = build()
        optimizer = torch.optim.Adam(model.parameters())

        def step() -> None:
            out = model(x)
            loss = torch.nn.functional.cross_entropy(out.flatten(0, -2), y.flatten())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

        for _ in range(WARM_UP):
            step()
        began = CLOCK[0]()
        with context(model):
            step()
            first = CLOCK[0]() - began
            began = CLOCK[0]()
            for i in range(steps):
                step()
                if each is not None:
                    each(model, i)
            return CLOCK[0]() - began, first

    variants = {
        "plain": lambda n: train(n, contextlib.nullcontext),
        "gradgauge": lambda n: train(n, gg.watch),
        "detect_anomaly": lambda n: train(n, lambda _: torch.autograd.detect_anomaly(True)),
    }
    if importlib.util.find_spec("tensorboard"):
        variants["tensorboard_histograms"] = lambda n: _with_histograms(n, train)
    if importlib.util.find_spec("wandb"):
        variants["wandb_watch_all"] = lambda n: train(n, _wandb)
    return variants


def _with_histograms(steps: int, train: Any) -> tuple[float, float]:
    from torch.utils.tensorboard import SummaryWriter

    with tempfile.TemporaryDirectory() as folder, SummaryWriter(folder) as writer:

        def each(model: Any, step: int) -> None:
            if step % HISTOGRAMS_EVERY == 0:
                for name, parameter in model.named_parameters():
                    writer.add_histogram(f"weights/{name}", parameter, step)
                    writer.add_histogram(f"gradients/{name}", parameter.grad, step)

        return train(steps, contextlib.nullcontext, each)


@contextlib.contextmanager
def _wandb(model: Any) -> Iterator[None]:
    wandb = importlib.import_module("wandb")

    with tempfile.TemporaryDirectory() as folder:
        run = wandb.init(mode="offline", dir=folder, project="watching")
        run.watch(model, log="all")
        try:
            yield
        finally:
            run.unwatch(model)
            run.finish()


# -- Keras


def keras_variants(build: Callable[[], tuple[Any, Any, Any]]) -> dict[str, Any]:
    """The ways to train one model; the clock starts behind the first steps of `fit`."""
    import keras
    import numpy as np

    import gradgauge as gg

    class Clock(keras.callbacks.Callback):
        def __init__(self, last: int):
            super().__init__()
            self.last, self.began, self.seconds, self.first = last, 0.0, 0.0, 0.0

        def on_train_begin(self, logs: Any = None) -> None:
            del logs
            self.first = CLOCK[0]()

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if batch == WARM_UP:
                self.began = CLOCK[0]()
                self.first = self.began - self.first
            elif batch == self.last:
                _ = float(logs["loss"]) if logs else 0.0
                self.seconds = CLOCK[0]() - self.began

    def train(steps: int, callbacks: Callable[[Any], list[Any]]) -> tuple[float, float]:
        keras.utils.set_random_seed(0)
        model, x, y = build()
        repeats = steps + WARM_UP + 1
        clock = Clock(repeats - 1)
        x, y = (np.tile(a, (repeats,) + (1,) * (a.ndim - 1)) for a in (x, y))
        size = len(y) // repeats
        model.fit(
            x, y, batch_size=size, verbose=0, shuffle=False, callbacks=[*callbacks(model), clock]
        )
        return clock.seconds, clock.first

    def histograms(folder: str) -> Any:
        return keras.callbacks.TensorBoard(folder, histogram_freq=1, write_graph=False)

    def with_histograms(steps: int) -> tuple[float, float]:
        with tempfile.TemporaryDirectory() as folder:
            return train(steps, lambda _: [histograms(folder)])

    variants: dict[str, Any] = {
        "plain": lambda n: train(n, lambda _: []),
        "gradgauge": lambda n: train(n, lambda model: [gg.watch(model)]),
    }
    if importlib.util.find_spec("tensorboard"):
        variants["tensorboard_histograms"] = with_histograms
    return variants


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--seconds", type=float, default=3.0, help="seconds of plain training per round"
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", choices=("pytorch", "keras"))
    parser.add_argument("--training", choices=("mlp", "convnet", "transformer", "resnet50", "gpt2"))
    parser.add_argument(
        "--cpu",
        action="store_true",
        help="measure CPU time of the process instead of wall time, for a busy machine",
    )
    parser.add_argument(
        "--memory", action="store_true", help="also measure the peak memory of each variant"
    )
    parser.add_argument("--peak", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.cpu:
        CLOCK[0] = time.process_time
    families: dict[str, Any] = {
        "pytorch": (torch_models, torch_variants),
        "keras": (keras_models, keras_variants),
    }
    if options.peak:
        family, training, variant = options.peak
        models, variants_of = families[family]
        variants_of(models()[training])[variant](PEAK_STEPS)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        return
    results: dict[str, Any] = {}
    for family, (models, variants_of) in families.items():
        if options.only not in (None, family):
            continue
        label = (
            f"keras/{os.environ.get('KERAS_BACKEND', 'default')}" if family == "keras" else family
        )
        for name, build in models().items():
            if options.training not in (None, name):
                continue
            variants = variants_of(build)
            trial = variants["plain"](50)[0] / 50
            steps = max(50, round(options.seconds / trial))
            found = overheads(variants, steps, options.rounds)
            if options.memory:
                for variant in variants:
                    found[variant]["peak_mib"] = peak_memory(family, name, variant)
            results[f"{label} {name}"] = found
            if not options.json:
                _show(f"{label} {name}", steps, found)
    if options.json:
        print(json.dumps(results, indent=1))


def _show(title: str, steps: int, found: dict[str, dict[str, float]]) -> None:
    print(f"{title}: {found['plain']['step_ms']:.2f} ms a step, {steps} steps a round")
    for name, figures in found.items():
        if name != "plain":
            print(
                f"  {name:24s} {figures['overhead']:+7.1%}   once {figures['once_seconds']:.2f} s"
                + _memory(figures, found["plain"]),
                flush=True,
            )


def _memory(figures: dict[str, float], plain: dict[str, float]) -> str:
    if "peak_mib" not in figures:
        return ""
    return f"   peak {figures['peak_mib']:.0f} MiB, plain {plain['peak_mib']:.0f}"


if __name__ == "__main__":
    main()
