"""The device's figures against the CPU's: passes, updates and gauges of the same members.

Both train the same networks from the same states in processes of their own, so that neither's
JAX sees the other's device. Prints the largest difference of each figure, in units of the CPU's
float32 figure, and fails beyond a tolerance.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys

import numpy as np
from benchmarks.gpu.common import card, is_small

TOLERANCE = 2e-3
"""Of the figure: 20 steps of float32 whose sums are taken in another order."""

TRAIN = """
import sys
import numpy as np
from gradgauge.datasets import Dataset
from gradgauge.engine.terms import Entry
from gradgauge.engine.train import train
from gradgauge.spec.notation import parse
from gradgauge.spec.training import TrainingSpec

rng = np.random.default_rng(0)
x, y = rng.normal(size=(400, 12)).astype(np.float32), rng.integers(0, 3, 400)
data = Dataset("made", x, y.astype(np.int32), x[:100], y[:100].astype(np.int32), "made", (12,))
networks = ["12-16x4-3 tanh", "12-16x4-3 elu norm=batch", "12-16x4-3 gelu norm=layer skip=2"]
training = TrainingSpec(batch_size=40, epochs=2, seeds=(0, 1, 2))
runs = train([Entry(n, parse(n), training) for n in networks[: int(sys.argv[1])]], data).runs
kept = {}
for run in runs:
    for group, name in (("probes", "delta_norm"), ("probes", "weight_gain"), ("steps", "loss"),
                        ("steps", "weight_grad_norm"), ("steps", "update_ratio")):
        kept[f"{run.name}: {name}"] = run.values(group, name)
np.savez(sys.stdout.buffer, **kept)
"""


def figures(networks: int, platform: str | None) -> dict[str, np.ndarray]:
    """What a training on a platform gives (None: JAX's choice), by name."""
    environment = dict(os.environ)
    if platform is not None:
        environment["JAX_PLATFORMS"] = platform
    command = [sys.executable, "-c", TRAIN, str(networks)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment)
    with np.load(io.BytesIO(done.stdout)) as arrays:
        return dict(arrays)


def difference(one: np.ndarray, two: np.ndarray) -> float:
    """The largest difference, of the larger of a figure and its median."""
    size = np.maximum(np.abs(one), np.nanmedian(np.abs(one)))
    return float(np.nanmax(np.abs(one - two) / size))


def main() -> None:
    """Print a row a figure."""
    networks = 1 if is_small(__doc__) else 3
    wanted, got = figures(networks, "cpu"), figures(networks, None)
    print(f"| figure | {card()} from CPU |\n|---|---|")
    worst = 0.0
    for name, values in wanted.items():
        found = difference(values, got[name])
        worst = max(worst, found)
        print(f"| {name} | {found:.1e} |")
    if worst > TOLERANCE:
        raise SystemExit(f"the figures differ by {worst:.1e}; {TOLERANCE:.0e} is allowed")


if __name__ == "__main__":
    main()
