"""Remedies on trainings of the corpus: how many are repaired, and what random search gets.

python -m corpus remedy                       40 faulty and 40 healthy trainings
python -m corpus remedy --faulty 8 --healthy 8 --framework pytorch
python -m corpus remedy --minutes 60          none is begun later; with 0 the table alone
python -m corpus remedy --longest 120         none that is expected to take longer: those are put off
python -m corpus remedy --write               and the table in docs/remedy.md, of all that is done

Drawn by a hash of the name, as many of each rule and framework as there are, and tried in that
order, a faulty one and a healthy one in turn: what is done at any moment is drawn like the whole.
It lies in runs/corpus/remedy, a file each, and is not done again. A training counts as repaired where its
winner is as good as the mended twin, which is trained with the same seeds: not below the interval
of the twin's mean. Where there is no twin, the verdict has to do.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import math
import re
import sys
import time
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from corpus.case import CASES, Case
from corpus.environment import RESULTS
from corpus.pairs import TWINS, Loop
from corpus.shares import told

DOCS = Path(__file__).parents[1] / "docs" / "remedy.md"
FOLDER = RESULTS / "remedy"
COUNT = 40
_REACHES = frozenset("WODM")
_RULES_WITHOUT = "no rule"


def drawn(names: Sequence[str], count: int) -> list[str]:
    """So many names, one of each rule and framework in turn; within them by a hash of the name.

    Args:
        names: of cases.
        count: how many at most.
    """
    strata: dict[tuple[str, str], list[str]] = {}
    for name in sorted(names, key=_hash):
        case = CASES[name]
        strata.setdefault((case.rule or _RULES_WITHOUT, case.framework), []).append(name)
    order = sorted(strata, key=lambda stratum: _hash(" ".join(stratum)))
    chosen: list[str] = []
    while len(chosen) < count and any(strata.values()):
        chosen += [strata[stratum].pop(0) for stratum in order if strata[stratum]]
    return chosen[:count]


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def in_turn(first: Sequence[str], second: Sequence[str]) -> list[str]:
    """One of the first, one of the second, until both are at an end."""
    pairs = itertools.zip_longest(first, second)
    return [name for pair in pairs for name in pair if name is not None]


class PutOff(Exception):
    """A trial that is expected to take longer than is given to one."""


def tried(case: Case, budget: str | None, longest: float = math.inf) -> dict[str, Any]:
    """What a trial of one case found.

    Args:
        case: which.
        budget: as `gradgauge.remedy` takes it; None: the least that can decide something.
        longest: seconds that a trial may be expected to take.

    Raises:
        PutOff: it would take longer; nothing was trained for it.
    """
    import gradgauge
    from gradgauge.errors import GradgaugeError
    from gradgauge.remedies.plan import BudgetTooSmall

    found: dict[str, Any] = {"name": case.name, "rule": case.rule, "framework": case.framework}

    def expected(plan: object, seconds: float) -> None:
        del plan
        if seconds > longest:
            raise PutOff(f"{seconds:.0f} s")

    began = time.perf_counter()
    least = budget
    for _ in range(2):
        args, options = case.make(case.seed)
        if isinstance(args, Loop):
            return found | {"verdict": "not-tried", "why": "a loop of its own"}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                result = gradgauge.remedy(*args, **options, budget=least or 1, on_estimate=expected)
        except BudgetTooSmall as error:
            least = error.least
            continue
        except GradgaugeError as error:
            return found | {"verdict": "not-tried", "why": str(error)}
        except PutOff:
            raise
        # What ends a training is whatever its parts happen to raise: told, and the others go on.
        except Exception as error:  # noqa: BLE001
            why = f"{type(error).__name__}: {error}"
            return found | {"verdict": "not-tried", "why": why}
        return found | _figures(case, result, began)
    return found | {"verdict": "not-tried", "why": f"a budget of {budget} decides nothing"}


def _figures(case: Case, result: Any, began: float) -> dict[str, Any]:
    """What the table needs of a trial."""
    from gradgauge.remedies.known import BY_KEY
    from gradgauge.remedies.trainer import CONTROL, RANDOM_SEARCH

    confirmed = {arm.kind: arm for arm in result.arms if arm.is_confirmed}
    figures: dict[str, Any] = {
        "verdict": result.verdict,
        "winner": result.winner,
        "remedies": list(result.winning.remedies) if result.winning else [],
        "before": list(result.findings["before"]),
        "tried": sorted({BY_KEY[k].reach for arm in result.arms for k in _tried(arm)}),
        "seconds": round(time.perf_counter() - began, 1),
        "score": result.winning.mean if result.winning else None,
    }
    for kind, key in ((CONTROL, "control"), (RANDOM_SEARCH, "random")):
        figures[key] = confirmed[kind].mean if kind in confirmed else None
    if confirmed and case.name in TWINS and not case.healthy:
        seeds = confirmed[CONTROL].outcome.seeds
        figures["twin"] = _twin(case, seeds)
    return figures


def _tried(arm: Any) -> tuple[str, ...]:
    """The remedies of an arm that the findings asked for."""
    return arm.remedies if arm.kind == "remedy" else ()


def _twin(case: Case, seeds: Sequence[int]) -> list[float]:
    """Scores of the mended twin, with the seeds and on the rows of the confirmation."""
    from gradgauge.remedies.own.arguments import read_own
    from gradgauge.remedies.own.run import own_trainer
    from gradgauge.remedies.trainer import CONTROL, Candidate, Task

    args, options, _ = TWINS[case.name][0](case.seed, False)
    target, *rest = args
    trainer = own_trainer(read_own(target, tuple(rest), None, None, dict(options)))
    made = trainer.train(Task([Candidate(CONTROL)], seeds, 1.0, "confirm"))
    return list(made.outcomes[0].scores)


def as_good_as_twin(found: Mapping[str, Any], score: float | None) -> bool:
    """Whether a mean score is not below the interval of the twin's; without a twin, whether it is
    that of a winner, or as good."""
    from gradgauge.statistics import summarize

    if score is None:
        return False
    if not found.get("twin"):
        won = found["verdict"] in ("repaired", "as-good-as-random-search")
        return won and score >= found["score"]
    twin = summarize(found["twin"])
    low = twin.interval[0] if twin.interval else twin.mean
    return score >= low


def reachable(found: Mapping[str, Any]) -> bool:
    """Whether a remedy of reach W, O, D or M answers its findings and could be tried."""
    return bool(_REACHES & set(found["tried"]))


def table(done: Sequence[Mapping[str, Any]], drawn_in_all: int) -> list[str]:
    """Lines of Markdown.

    Args:
        done: what trials found.
        drawn_in_all: how many were drawn, those not done yet with them.
    """
    ran = [f for f in done if f["verdict"] != "not-tried"]
    faulty = [f for f in ran if f["rule"] is not None and f["before"]]
    reached = [f for f in faulty if reachable(f)]
    healthy = [f for f in ran if f["rule"] is None]
    missed = [f for f in ran if f["rule"] is not None and not f["before"]]

    def share(which: str) -> str:
        return told(sum(as_good_as_twin(f, f[which]) for f in reached), len(reached))

    won = sum(f["verdict"] in ("repaired", "as-good-as-random-search") for f in healthy)
    rows = [
        ("faulty, with a remedy of reach W, O, D or M: as good as the twin", share("score")),
        ("the same, random search", share("random")),
        ("the same, as it is", share("control")),
        ("faulty, named and not repaired", str(len(faulty) - len(reached))),
        ("faulty, no finding", str(len(missed))),
        ('healthy, with a "repair"', told(won, len(healthy))),
        ("refused (a loop, schedule or loader of its own)", str(len(done) - len(ran))),
        ("drawn, put off or not run yet", str(drawn_in_all - len(done))),
    ]
    return [
        "| cases | share (95% interval) |",
        "|---|---|",
        *(f"| {a} | {b} |" for a, b in rows),
    ]


def main(arguments: Sequence[str]) -> int:
    """Try what is not done yet; the exit code."""
    parser = argparse.ArgumentParser(prog="corpus remedy")
    parser.add_argument("--faulty", type=int, default=COUNT)
    parser.add_argument("--healthy", type=int, default=COUNT)
    parser.add_argument("--framework", choices=("keras", "pytorch", "jax"))
    parser.add_argument("--budget")
    parser.add_argument("--minutes", type=float, default=math.inf)
    parser.add_argument("--longest", type=float, default=math.inf, metavar="SECONDS")
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args(arguments)
    own = [n for n, c in CASES.items() if asked.framework in (None, c.framework)]
    faulty = drawn([n for n in own if not CASES[n].healthy], asked.faulty)
    names = in_turn(faulty, drawn([n for n in own if CASES[n].healthy], asked.healthy))
    FOLDER.mkdir(parents=True, exist_ok=True)
    until = time.perf_counter() + 60 * asked.minutes
    for name in names:
        path = FOLDER / f"{name}.json"
        if path.exists() or time.perf_counter() >= until:
            continue
        try:
            found = tried(CASES[name], asked.budget, asked.longest)
        except PutOff as why:
            print(f"{'put off: ' + str(why):26s} {name}", file=sys.stderr, flush=True)
            continue
        path.write_text(json.dumps(found, indent=1), "utf-8")
        print(f"{found['verdict']:26s} {name}", file=sys.stderr, flush=True)
    paths = [FOLDER / f"{name}.json" for name in names]
    done = [json.loads(path.read_text("utf-8")) for path in paths if path.exists()]
    lines = table(done, len(names))
    print("\n".join(lines))
    if asked.write:
        text = DOCS.read_text("utf-8")
        mark = r"(<!-- corpus -->\n).*?(<!-- /corpus -->)"
        body = "\n".join(lines)
        told_ = f"\\g<1>{body}\n\\g<2>"
        DOCS.write_text(re.sub(mark, told_, text, flags=re.DOTALL), "utf-8")
    return 0
