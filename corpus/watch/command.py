"""`python -m corpus watch [NAME...]`: the table, and its exit code.

Every group of cases runs in a process of its own: a Keras backend is chosen once a process,
and what crashes hard takes only its group along.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import time
import traceback
from dataclasses import asdict

from corpus.watch.case import CASES, Case, Outcome

FILES = {
    "torch": (
        "torch_plain",
        "torch_loops",
        "torch_combined",
        "torch_blocks",
        "torch_updates",
        "torch_in_turn",
        "torch_transformers",
        "torch_packages",
    ),
    "jax": ("jax_cases",),
    "keras-torch": ("keras_cases",),
    "keras-jax": ("keras_cases",),
    "keras-tensorflow": ("keras_cases",),
}
"""Group -> the files of its cases."""


def groups_of(names: list[str]) -> list[str]:
    """The groups that hold a case whose name contains one of `names`; all without names."""
    return [g for g in FILES if not names or any(n in g or _holds(g, n) for n in names)]


def _holds(group: str, name: str) -> bool:
    return name.startswith(group) or not any(name.startswith(g) for g in FILES)


def load(group: str) -> list[Case]:
    """The cases of a group, its files imported."""
    for name in FILES[group]:
        importlib.import_module(f"corpus.watch.{name}")
    return [case for case in CASES.values() if case.group == group]


def run(case: Case) -> Outcome:
    """One case, in this process."""
    if case.missing:
        return Outcome(case.name, skipped=f"{case.missing} is not installed")
    judge = importlib.import_module(f"corpus.watch.{case.group.split('-')[0]}_judge").judge
    began = time.perf_counter()
    try:
        outcome = judge(case)
    except ImportError as error:
        outcome = Outcome(case.name, skipped=str(error)[:120])
    except Exception:  # noqa: BLE001 the battery goes on; the case is told of as broken itself
        outcome = Outcome(case.name, crashed=f"the case itself: {traceback.format_exc()[-400:]}")
    outcome.seconds = round(time.perf_counter() - began, 1)
    return outcome


def run_group(group: str, names: list[str]) -> int:
    """A group's cases, one JSON line each on stdout."""
    import corpus.environment  # noqa: F401 before Keras and JAX

    for case in load(group):
        if not names or any(name in case.name for name in names):
            print(json.dumps(asdict(run(case))), flush=True)
    return 0


def main(names: list[str]) -> int:
    """All that is asked for; 1 if any case is not as it should be."""
    bad = 0
    for group in groups_of(names):
        environment = dict(os.environ)
        if group.startswith("keras-"):
            environment["KERAS_BACKEND"] = group.removeprefix("keras-")
        command = [sys.executable, "-W", "ignore", "-m", "corpus.watch", group, *names]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as child:
            assert child.stdout is not None
            for line in child.stdout:
                if line.startswith('{"name"'):
                    outcome = Outcome(**json.loads(line))
                    bad += outcome.verdict not in ("ok", "skipped")
                    print(_line(outcome), flush=True)
        if child.returncode:
            bad += 1
            print(f"{group}: the process ended with {child.returncode}")
    print(f"\n{bad} not as they should be" if bad else "\nall as they should be")
    return int(bad > 0)


def _line(outcome: Outcome) -> str:
    head = f"{outcome.verdict:20s} {outcome.seconds:6.1f}s {outcome.name:34s}"
    tail = outcome.skipped or f"{outcome.figures} figures, {outcome.noted} missing with a note"
    complaints = [outcome.crashed, *outcome.harmed, *outcome.wrong, *outcome.silent]
    return "\n".join([f"{head} {tail}", *(f"{'':29s}- {c}" for c in complaints if c)])
