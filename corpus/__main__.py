"""`python -m corpus`: judge `diagnose` on the corpus; write the confusion table.

python -m corpus tuning        the half that limits may be chosen on
python -m corpus held          the other half
python -m corpus fresh         cases written when all limits stood
python -m corpus second        others, written when what `fresh` had shown was mended
python -m corpus all --write   all of them, and the table in docs/diagnosis.md anew
python -m corpus --case NAME   one case

python -m corpus watch [NAME...]  the battery for `watch`, see corpus/watch
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings

import corpus._environment  # noqa: F401 before Keras and JAX
from corpus._case import CASES, Case, halves, unseen
from corpus._environment import RESULTS
from corpus.judge import Result, judge, measures, table, write_docs
from corpus.watch import command as watch

UNSEEN = ("fresh", "second")
PARTS = ("tuning", "held", *UNSEEN)


def main() -> int:
    """Run what is asked; the exit code."""
    if sys.argv[1:2] == ["watch"]:
        return watch.main(sys.argv[2:])
    parser = argparse.ArgumentParser(prog="corpus")
    parser.add_argument("part", nargs="?", default="tuning", choices=[*PARTS, "all"])
    parser.add_argument("--case", action="append", default=[])
    parser.add_argument("--only", default="")
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    load()
    members = dict(zip(PARTS, (*halves(), *map(unseen, UNSEEN)), strict=True))
    if arguments.case:
        for name in arguments.case:
            run(CASES[name])
        return 0
    RESULTS.mkdir(parents=True, exist_ok=True)
    found: dict[str, list[Result]] = {}
    for part in PARTS if arguments.part == "all" else (arguments.part,):
        found[part] = [run(CASES[name]) for name in members[part] if arguments.only in name]
        path = RESULTS / f"{part}.json"
        path.write_text(json.dumps([vars(r) for r in found[part]], indent=1))
        print(f"\n{part}\n{table(measures(found[part]))}")
    if arguments.write:
        write_docs(found)
    return 0


def load() -> None:
    """Import every file of cases."""
    import corpus.fresh
    import corpus.keras_faulty
    import corpus.keras_healthy
    import corpus.keras_healthy_harder
    import corpus.second_faulty
    import corpus.second_faulty_layers
    import corpus.second_healthy
    import corpus.second_healthy_torch
    import corpus.torch_faulty
    import corpus.torch_healthy  # noqa: F401


def run(case: Case) -> Result:
    """One case; its line goes to stderr."""
    from gradgauge.diagnosis.diagnose import diagnose

    args, options = case.make(case.seed)
    began = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        diagnosis = diagnose(*args, **options)
    result = judge(case, diagnosis, time.perf_counter() - began)
    print(result.line(), file=sys.stderr, flush=True)
    return result


if __name__ == "__main__":
    sys.exit(main())
