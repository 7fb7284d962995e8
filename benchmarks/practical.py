"""The main job compared with its peers, interleaved in one run: `python benchmarks/practical.py`.

Every contestant is a separate process that loads MNIST, trains ReLU and sigmoid for five epochs
and evaluates both. The results are medians over rounds of wall time, CPU time and peak memory, and
the ratio to Keras on TensorFlow in the same round. The floor is the matrix products alone.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

PEERS = Path(__file__).parent / "peers"
GRADGAUGE = str(Path(sys.executable).with_name("gradgauge"))
BASE = "Keras on TensorFlow"


@dataclass(frozen=True)
class Contestant:
    """A command; `cold`: with an empty compile cache."""

    name: str
    command: tuple[str, ...]
    environment: tuple[tuple[str, str], ...] = ()
    cold: bool = False


def contestants(out: Path) -> list[Contestant]:
    keras = (sys.executable, str(PEERS / "keras_practical.py"))
    ours = (GRADGAUGE, "compare", "--preset", "practical-all-sigmoid", "--out", str(out), "--json")
    bare = (*ours, "--no-report")
    return [
        Contestant(BASE, keras, (("KERAS_BACKEND", "tensorflow"),)),
        Contestant("Keras on JAX", keras, (("KERAS_BACKEND", "jax"),)),
        Contestant("PyTorch eager", (sys.executable, str(PEERS / "torch_practical.py"))),
        Contestant("gradgauge cold, no report", bare, cold=True),
        Contestant("gradgauge warm, no report", bare),
        Contestant("gradgauge cold, report", ours, cold=True),
        Contestant("gradgauge warm, report", ours),
    ]


def measure(contestant: Contestant, cache: Path) -> dict[str, float]:
    """Wall seconds, CPU seconds and peak MB of one process; what it printed of its seconds."""
    environment = {**os.environ, **dict(contestant.environment), "TF_CPP_MIN_LOG_LEVEL": "3"}
    with tempfile.TemporaryDirectory() as empty, tempfile.TemporaryFile("w+") as output:
        environment["GRADGAUGE_CACHE"] = empty if contestant.cold else str(cache)
        began = time.perf_counter()
        process = subprocess.Popen(
            contestant.command, env=environment, stdout=output, stderr=subprocess.DEVNULL
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        if status:
            raise SystemExit(f"{contestant.name} failed: run {' '.join(contestant.command)}")
        output.seek(0)
        printed = output.read()
    figures = {
        "wall": wall,
        "cpu": usage.ru_utime + usage.ru_stime,
        "megabytes": usage.ru_maxrss / 1024,
    }
    if printed.startswith("{"):
        figures |= json.loads(printed)["seconds"]
    return figures


def floor_seconds() -> float:
    """Seconds that the matrix products of both trainings take."""
    command = [sys.executable, str(PEERS / "floor.py")]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def start_seconds(code: list[str]) -> float:
    """Best of five of a process that only starts."""
    best = float("inf")
    for _ in range(5):
        began = time.perf_counter()
        subprocess.run(code, check=True, stdout=subprocess.DEVNULL)
        best = min(best, time.perf_counter() - began)
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="write all values to this file")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        field = contestants(Path(folder) / "out")
        cache = Path(folder) / "cache"
        measure(field[-1], cache)
        rounds: dict[str, list[dict[str, float]]] = {c.name: [] for c in field}
        floors = []
        for _ in range(arguments.rounds):
            floors.append(floor_seconds())
            for contestant in field:
                rounds[contestant.name].append(measure(contestant, cache))
    report(rounds, floors)
    if arguments.json:
        arguments.json.write_text(json.dumps({"rounds": rounds, "floor": floors}, indent=1))


def median(rows: list[dict[str, float]], key: str) -> float:
    return statistics.median(row[key] for row in rows)


def report(rounds: dict[str, list[dict[str, float]]], floors: list[float]) -> None:
    base = median(rounds[BASE], "wall")
    print("| | wall s | CPU s | peak MB | times faster |\n|---|---|---|---|---|")
    for name, rows in rounds.items():
        wall = median(rows, "wall")
        print(
            f"| {name} | {wall:.2f} | {median(rows, 'cpu'):.1f} "
            f"| {median(rows, 'megabytes'):.0f} | {base / wall:.2f} |"
        )
    floor = statistics.median(floors)
    print(f"\nfloor (matrix products alone, two at a time): {floor:.2f} s")
    ours = rounds["gradgauge warm, no report"]
    for key in ("data", "compile", "train", "evaluate"):
        print(f"gradgauge warm, {key}: {median(ours, key):.2f} s")
    print(f"training at {100 * floor / median(ours, 'train'):.0f}% of the floor's rate")
    print(f"gradgauge --help: {start_seconds([GRADGAUGE, '--help']):.3f} s")
    imports = [sys.executable, "-c", "import gradgauge"]
    nothing = start_seconds([sys.executable, "-c", "pass"])
    print(f"import gradgauge: {start_seconds(imports) - nothing:.3f} s beyond Python itself")


if __name__ == "__main__":
    main()
