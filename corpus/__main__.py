"""`python -m corpus`: judge `diagnose` on the corpus; write the confusion table.

python -m corpus tuning           the half on which limits may be chosen
python -m corpus held             the other half
python -m corpus 2026c            a set written after the limits were fixed: 2026a, 2026b, 2026c,
                                  2026d (by the authors of the rules), 2026e, 2026f
python -m corpus all --write      all of them; updates the table in docs/diagnosis.md
python -m corpus --case NAME      one case
python -m corpus twins [NAME...]  training without any diagnosis: each faulty case next to its
                                  repaired twin
python -m corpus remedy           remedy trials, see corpus/remedy.py
python -m corpus placebo          trials of remedies that do nothing: how many are won
python -m corpus watch [NAME...]  the tests for `watch`, see corpus/watch
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from typing import Any

import corpus.environment  # noqa: F401 before Keras and JAX
from corpus import placebo, remedy
from corpus.case import CASES, Case
from corpus.environment import RESULTS
from corpus.judge import Result, judge, measures, table, write_docs
from corpus.pairs import Loop, check
from corpus.sets import OLD_NAMES, SETS, load, members
from corpus.watch import command as watch


def main() -> int:
    """Run what is asked; the exit code."""
    if sys.argv[1:2] == ["watch"]:
        return watch.main(sys.argv[2:])
    if sys.argv[1:2] == ["placebo"]:
        return placebo.main(sys.argv[2:])
    if sys.argv[1:2] == ["remedy"]:
        load()
        return remedy.main(sys.argv[2:])
    if sys.argv[1:2] == ["twins"]:
        load()
        return check(sys.argv[2:])
    parser = argparse.ArgumentParser(prog="corpus")
    parser.add_argument("part", nargs="?", default="tuning", choices=[*SETS, *OLD_NAMES, "all"])
    parser.add_argument("--case", action="append", default=[])
    parser.add_argument("--only", default="")
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    load()
    if arguments.case:
        for name in arguments.case:
            run(CASES[name])
        return 0
    RESULTS.mkdir(parents=True, exist_ok=True)
    found: dict[str, list[Result]] = {}
    part = OLD_NAMES.get(arguments.part, arguments.part)
    for which in SETS if part == "all" else (part,):
        found[which] = [run(CASES[n]) for n in members(which) if arguments.only in n]
        path = RESULTS / f"{which}.json"
        path.write_text(json.dumps([vars(r) for r in found[which]], indent=1))
        print(f"\n{which}\n{table(measures(found[which]))}")
    if arguments.write:
        write_docs(found)
    return 0


def run(case: Case) -> Result:
    """One case; its line goes to stderr."""
    args, options = case.make(case.seed)
    began = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        diagnosis = _diagnosis(args, options)
    result = judge(case, diagnosis, time.perf_counter() - began)
    print(result.line(), file=sys.stderr, flush=True)
    return result


def _diagnosis(args: Any, options: dict[str, Any]) -> Any:
    import gradgauge

    if not isinstance(args, Loop):
        return gradgauge.diagnose(*args, **options)
    watcher = gradgauge.watch(args.model, every=1)
    args.train(lambda _: watcher)
    return watcher.diagnose()


if __name__ == "__main__":
    sys.exit(main())
