"""Networks a second, by members and width, against PyTorch on the same card.

A network's training is 150 steps of 400 (an epoch of MNIST); so that 8,192 of them fit into two
minutes each contestant makes fewer steps, and the rate is per 150. gradgauge takes all its gauges,
its first and last probe and its evaluation; PyTorch only trains. Compiling is not counted.
"""

from __future__ import annotations

import functools
import time

from benchmarks.gpu import torch_layouts
from benchmarks.gpu.common import card, is_small, torch_device

from gradgauge.datasets import Dataset, load
from gradgauge.engine.terms import Entry
from gradgauge.engine.train import train
from gradgauge.spec.network import NetworkSpec
from gradgauge.spec.training import TrainingSpec

BATCH, STEPS, DEPTH, EPOCH = 400, 20, 10, 150
BUDGET = 30.0
"""Seconds that one measurement may take: a larger ensemble is left out if it would take longer."""


def ours(width: int, members: int, data: Dataset, batch: int) -> float:
    """Steps of one member a second, all members together."""
    network = NetworkSpec.uniform(784, DEPTH, width, 10, "relu")
    training = TrainingSpec(epochs=1, batch_size=batch, seeds=tuple(range(members)))
    entry = Entry("relu", network, training)
    train([entry], data)  # Compiles, for these shapes.
    began = time.perf_counter()
    train([entry], data)
    return members * training.steps_per_epoch(len(data.y_train)) / (time.perf_counter() - began)


def main() -> None:
    """Print a row a contestant."""
    small = is_small(__doc__)
    batch = 40 if small else BATCH
    sizes = (2, 4) if small else (64, 1_024, 8_192)
    widths = (8,) if small else (64, 256)
    samples = (3 if small else STEPS) * batch
    data = load("mnist").first(samples, samples)
    device = torch_device()
    print(f"{card()}; a training is {EPOCH} steps\n")
    print("| width | members | contestant | networks/s |\n|---|---|---|---|")
    for width in widths:
        seconds = 0.0
        for before, members in zip((0, *sizes), sizes, strict=False):
            if before and seconds * members / before > BUDGET:
                print(f"| {width} | {members} | gradgauge | skipped: would take too long |")
                continue
            rate = ours(width, members, data, batch)
            seconds = members * STEPS / rate
            print(f"| {width} | {members} | gradgauge | {rate / EPOCH:.2f} |", flush=True)
        if device is not None:
            build = functools.partial(torch_layouts.network, width, DEPTH, device)
            for row in torch_layouts.contest(build, data, batch, device, small):
                print(f"| {width} | {row.members} | {row.layout} | {row.told(EPOCH)} |", flush=True)


if __name__ == "__main__":
    main()
