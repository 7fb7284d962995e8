"""Ensembles against their peers, in one run: `python benchmarks/ensemble.py`.

Training a network takes 150 steps of 400 images (one epoch of MNIST) with Adam, and its test
accuracy; gradgauge also measures its gauges. Results are networks per second after a warm-up,
without imports and our compilation. Keras's tracing of every new model is part of its loop over
models. The floor is the time of the matrix products alone, two networks at a time.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import subprocess
import sys
from pathlib import Path

PEERS = Path(__file__).parent / "peers"
SECONDS = 12.0
"""About how long one measurement may take: the number of networks follows from it."""


def rate(script: str, *arguments: object) -> float:
    """Networks a second that a peer prints."""
    command = [sys.executable, str(PEERS / script), *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise SystemExit(f"{script} failed: {result.stderr.strip().splitlines()[-1]}")
    return float(result.stdout.split()[-1])


def contest(depth: int, width: int, members: int) -> dict[str, float]:
    """Every layout's networks per second at one shape; `trained`: how many gradgauge trained."""
    floor = rate("ensemble_floor.py", depth, width)
    fair = int(max(2, min(members, floor * SECONDS / 2)))
    stacked = int(max(2, min(16, fair)))
    return {
        "trained": fair,
        "floor": floor,
        "gradgauge": rate("ensemble_gradgauge.py", depth, width, fair),
        "PyTorch eager, two processes": rate(
            "ensemble_torch.py", "eager", depth, width, max(2, fair // 4)
        ),
        "torch.func with vmap": rate("ensemble_torch.py", "vmap", depth, width, stacked),
        "Keras, a loop": rate("ensemble_keras.py", depth, width, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--depths", type=int, nargs="+", default=[10, 50])
    parser.add_argument("--widths", type=int, nargs="+", default=[16, 64, 256])
    parser.add_argument("--members", type=int, nargs="+", default=[64, 1024])
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    results = []
    print("| depth | width | networks | layout | networks/s | of the floor | gradgauge is |")
    print("|---|---|---|---|---|---|---|")
    for depth, width in itertools.product(arguments.depths, arguments.widths):
        for members in arguments.members:
            rounds = [contest(depth, width, members) for _ in range(arguments.rounds)]
            rates = {k: statistics.median(r[k] for r in rounds) for k in rounds[0]}
            results.append({"depth": depth, "width": width, "members": members, **rates})
            trained = int(rates.pop("trained"))
            for layout, value in rates.items():
                share, times = 100 * value / rates["floor"], rates["gradgauge"] / value
                print(
                    f"| {depth} | {width} | {trained} | {layout} | {value:.2f} "
                    f"| {share:.0f}% | {times:.1f} x |",
                    flush=True,
                )
            if trained < members:
                break  # More would be cut to as many, too.
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
