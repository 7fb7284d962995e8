"""Estimated and actual cost of `gradgauge compare`: `python -m benchmarks.cost`.

Every training run has its own process with an empty cache. Times are CPU seconds, which depend
little on other programs: of the first run, including compilation, and of the second, without it.
Memory is as reported by the system. The constants in `gradgauge.engine.cost` come from here.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile

import numpy as np

SAMPLES, TESTED = 6_000, 1_000

SETTINGS = (
    "784-16x3-10 1 32 1",
    "784-16x10-10 5 32 1",
    "784-16x50-10 3 128 1",
    "784-64x3-10 5 128 2",
    "784-64x10-10 3 32 1",
    "784-64x50-10 1 32 1",
    "784-64x10-10 5 128 4",
    "784-256x3-10 3 128 1",
    "784-256x10-10 3 32 1",
    "784-256x50-10 2 128 1",
    "784-256x50-10 1 32 2",
    "784-16x3-10 5 128 8",
)
"""Widths, epochs, batch size, seeds."""


class _Told:
    """Notes what is told before the training starts."""

    seconds = 0.0

    def __call__(self, done: int, total: int) -> None:
        """Progress, of which nothing is kept."""

    def expect(self, seconds: float) -> None:
        self.seconds = seconds


def measure(widths: str, epochs: int, batch_size: int, seeds: int) -> dict[str, float]:
    """Seconds and megabytes, said and taken, of one training in this process."""
    import gradgauge as gg
    from gradgauge.datasets import Dataset
    from gradgauge.engine import limits
    from gradgauge.machine import cores
    from gradgauge.spec.notation import parse
    from gradgauge.spec.training import TrainingSpec

    rng = np.random.default_rng(0)
    x = rng.normal(size=(SAMPLES, 784)).astype("f4")
    y = rng.integers(0, 10, SAMPLES).astype("i4")
    data = Dataset("made", x, y, x[:TESTED], y[:TESTED], "0", (784,))
    given = {"epochs": epochs, "batch_size": batch_size, "seeds": seeds}
    lanes = min(seeds, cores())
    found: dict[str, float] = {}
    for time in ("first", "second"):
        told, began = _Told(), _cpu()
        gg.compare(f"{widths} relu", dataset=data, on_progress=told, **given)
        found |= {"said": told.seconds, time: (_cpu() - began) / lanes}
        found[f"{time} MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    training = TrainingSpec(epochs=epochs, batch_size=batch_size, seeds=tuple(range(seeds)))
    found["said MB"] = limits.needed([(parse(f"{widths} relu"), training)] * lanes) / 2**20
    return found


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("setting", nargs="*", help="widths, epochs, batch size, seeds: only these")
    chosen = parser.parse_args().setting
    if chosen:
        widths, *numbers = chosen
        print(json.dumps(measure(widths, *map(int, numbers))))
        return
    print("| widths | epochs, batch, seeds | said s | first s | second s | said MB | peak MB |")
    print("|---|---|---|---|---|---|---|")
    for setting in SETTINGS:
        with tempfile.TemporaryDirectory() as cache:
            done = subprocess.run(
                [sys.executable, "-m", "benchmarks.cost", *setting.split()],
                env={**os.environ, "GRADGAUGE_CACHE": cache},
                capture_output=True,
                text=True,
                check=True,
            )
        f = json.loads(done.stdout.splitlines()[-1])
        widths, *numbers = setting.split()
        seconds = f"{f['said']:.2f} | {f['first']:.2f} | {f['second']:.2f}"
        memory = f"{f['said MB']:.0f} | {f['first MB']:.0f}"
        print(f"| {widths} | {', '.join(numbers)} | {seconds} | {memory} |", flush=True)


if __name__ == "__main__":
    main()
