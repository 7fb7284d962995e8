"""Do gradgauge and Keras reach the same accuracies? `python benchmarks/truth.py`, about 15 minutes.

Trains the practical's networks (ReLU, all-sigmoid, nine sigmoid layers and a ReLU) 10 times in
Keras on TensorFlow and 100 times here, and compares the two distributions of test accuracy with
the Kolmogorov-Smirnov and the Mann-Whitney test. Prints the table in docs/agreement.md.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import ks_2samp, mannwhitneyu

import gradgauge as gg

PEER = Path(__file__).parent / "peers" / "keras_accuracy.py"
NETWORKS = {
    "relu": "784-64x10-10 relu",
    "sigmoid": "784-64x10-10 sigmoid",
    "mix": "784-64x9:sigmoid-64:relu-10",
}


def keras_accuracies(name: str, seeds: int) -> list[float]:
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, str(PEER), name, str(seeds)]
    result = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(result.stdout.splitlines()[-1])


def p_value(test: Any) -> float:
    """SciPy makes its results' fields when it is run: no checker knows them."""
    return test.pvalue


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--keras", type=int, default=10, help="training runs of each network in Keras"
    )
    parser.add_argument("--ours", type=int, default=100, help="training runs of each network here")
    parser.add_argument("--json", type=Path, help="write all accuracies to this file")
    arguments = parser.parse_args()
    ours = gg.compare(*NETWORKS.values(), seeds=arguments.ours)
    print("| network | Keras on TensorFlow | gradgauge | Kolmogorov-Smirnov p | Mann-Whitney p |")
    print("|---|---|---|---|---|")
    everything = {}
    for name, notation in NETWORKS.items():
        peer = np.array(keras_accuracies(name, arguments.keras))
        mine = ours.run(notation).figure("test_accuracy")
        everything[name] = {"keras": peer.tolist(), "gradgauge": mine.tolist()}
        print(
            f"| {name} | {peer.mean():.4f} ({peer.std(ddof=1):.4f}, n = {len(peer)}) "
            f"| {mine.mean():.4f} ({mine.std(ddof=1):.4f}, n = {len(mine)}) "
            f"| {p_value(ks_2samp(peer, mine)):.2f} | {p_value(mannwhitneyu(peer, mine)):.2f} |",
            flush=True,
        )
    if arguments.json:
        arguments.json.write_text(json.dumps(everything, indent=1))


if __name__ == "__main__":
    main()
