"""Unrolled against scanned layers, shape by shape: `python benchmarks/layers.py`.

Times are CPU seconds of one thread. Both programs take turns, a few steps at a time, until the time
is up. The eighth-best round of each counts, so other programs matter little. Compilation includes
tracing and XLA. `gradgauge.engine.written_out.DEEPEST` comes from here.
"""

from __future__ import annotations

import argparse
import functools
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradgauge.datasets import load
from gradgauge.engine.program_key import Block, ProgramKey, program_key
from gradgauge.engine.runtime import start
from gradgauge.spec.network import NetworkSpec
from gradgauge.spec.training import TrainingSpec

SHAPES = ((16, 10), (16, 50), (64, 10), (64, 20), (64, 30), (64, 50), (128, 10), (128, 50))
WIDE = ((256, 10), (256, 50), (512, 10), (1024, 10), (1024, 50))
ROUND_MS = 50.0
"""About how long one round of steps takes."""


@dataclass(frozen=True)
class Program:
    """A compiled training program: makes so many steps; CPU seconds that compiling it took."""

    steps: Callable[[int], None]
    compiling: float

    def seconds(self, count: int) -> float:
        """CPU seconds of a step, over `count` steps."""
        began = time.process_time()
        self.steps(count)
        return (time.process_time() - began) / count


def keys(width: int, depth: int, activation: str) -> tuple[NetworkSpec, dict[str, ProgramKey]]:
    """The two ways to run one network."""
    network = NetworkSpec.uniform(784, depth, width, 10, activation)
    key = program_key(network, TrainingSpec(), 60_000, frozenset({activation}))
    single = tuple(Block(b.fan_in, b.width, 1) for b in key.blocks for _ in range(b.count))
    scanned, written = (replace(key, step_blocks=b) for b in (key.blocks, single))
    return network, {"scanned": scanned, "written out": written}


def program(network: NetworkSpec, key: ProgramKey, data: Any) -> Program:
    """The training program of a key, ready to make steps."""
    import jax

    from gradgauge.engine.ensemble import Member, MemberGroup
    from gradgauge.engine.epochs import run_steps
    from gradgauge.engine.programs import Compiling

    members = [Member(network, TrainingSpec(), 0)]
    group = MemberGroup(key, members, data, False, Compiling())
    arguments = (group.state, group.tables, group.rates, data.x_train, data.y_train, group.order())
    began = time.process_time()
    zero = np.int32(0)
    step = jax.jit(functools.partial(run_steps, key, False)).lower(*arguments, zero, zero)
    compiled = step.compile()
    compiling = time.process_time() - began

    def steps(count: int) -> None:
        jax.block_until_ready(compiled(*arguments, zero, np.int32(count)))

    steps(2)
    return Program(steps, compiling)


def contest(programs: dict[str, Program], seconds: float) -> dict[str, float]:
    """CPU milliseconds of a step of each, in turn."""
    trial = programs["scanned"].seconds(2)
    count = int(min(max(ROUND_MS / 1e3 / trial, 1), 60))
    rounds: dict[str, list[float]] = {name: [] for name in programs}
    began = time.perf_counter()
    while time.perf_counter() - began < seconds or len(rounds["scanned"]) < 4:
        for name, one in programs.items():
            rounds[name].append(one.seconds(count))
    return {name: 1e3 * sorted(times)[len(times) // 8] for name, times in rounds.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=10.0, help="seconds per shape")
    parser.add_argument("--shape", type=int, nargs=2, metavar=("WIDTH", "DEPTH"), action="append")
    parser.add_argument("--activation", default="relu")
    options = parser.parse_args()
    start()
    import jax

    from gradgauge.engine.work import device_data

    jax.config.update("jax_enable_compilation_cache", False)
    data = device_data(load("mnist"), "float32")
    print("| width | depth | scanned, ms | written out, ms | of scanned | compiling, s |")
    print("|---|---|---|---|---|---|")
    for width, depth in options.shape or SHAPES + WIDE:
        network, ways = keys(width, depth, options.activation)
        programs = {name: program(network, key, data) for name, key in ways.items()}
        found = contest(programs, options.seconds)
        scanned, written = found["scanned"], found["written out"]
        compiling = " and ".join(f"{one.compiling:.1f}" for one in programs.values())
        print(
            f"| {width} | {depth} | {scanned:.2f} | {written:.2f} "
            f"| {written / scanned:.2f} | {compiling} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
