"""A sweep of 1,000 practical networks, half of them ReLU and half sigmoid: networks a minute."""

from __future__ import annotations

import time

from benchmarks.gpu.common import card, is_small

from gradgauge.datasets import load
from gradgauge.engine.terms import Entry
from gradgauge.engine.train import train
from gradgauge.spec.presets import preset
from gradgauge.spec.training import TrainingSpec


def main() -> None:
    """Print one line."""
    small = is_small(__doc__)
    data, seeds, epochs = load("mnist"), 500, 5
    if small:
        data, seeds, epochs = data.first(800, 400), 2, 1
    training = TrainingSpec(epochs=epochs, seeds=tuple(range(seeds)))
    networks = preset("practical-all-sigmoid")
    entries = [Entry(name, network, training) for name, network in networks.items()]
    began = time.perf_counter()
    seconds = train(entries, data).seconds
    wall, count = time.perf_counter() - began, seeds * len(entries)
    print(
        f"{card()}: {count} networks, {epochs} epochs each, in {wall:.1f} s "
        f"(compiling {seconds['compile']:.1f} s): {60 * count / wall:.0f} networks a minute"
    )


if __name__ == "__main__":
    main()
