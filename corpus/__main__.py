"""`python -m corpus`: judge `diagnose` on the corpus; write the confusion table.

python -m corpus tuning        the half that limits may be chosen on
python -m corpus held          the other half
python -m corpus all --write   both, and docs/diagnosis.md anew
python -m corpus --case NAME   one case, with all its findings
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings

import corpus._environment  # noqa: F401 before Keras and JAX
from corpus._case import CASES, Case, halves
from corpus._environment import RESULTS
from corpus.judge import Result, judge, measures, table, write_docs


def main() -> int:
    """Run what is asked; the exit code."""
    parser = argparse.ArgumentParser(prog="corpus")
    parser.add_argument("half", nargs="?", default="tuning", choices=["tuning", "held", "all"])
    parser.add_argument("--case", action="append", default=[])
    parser.add_argument("--only", default="")
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    load()
    tuning, held = halves()
    names = (
        arguments.case or {"tuning": tuning, "held": held, "all": [*tuning, *held]}[arguments.half]
    )
    results = [run(CASES[name]) for name in names if arguments.only in name]
    RESULTS.mkdir(parents=True, exist_ok=True)
    by_name = {r.name: r for r in results}
    path = RESULTS / f"{'case' if arguments.case else arguments.half}.json"
    path.write_text(json.dumps([vars(r) for r in results], indent=1))
    for half, members in (("tuning", tuning), ("held out", held)):
        found = [by_name[n] for n in members if n in by_name]
        if found:
            print(f"\n{half}\n{table(measures(found))}")
    if arguments.write:
        write_docs(
            [by_name[n] for n in tuning if n in by_name], [by_name[n] for n in held if n in by_name]
        )
    return 0


def load() -> None:
    """Import every file of cases."""
    import corpus.keras_faulty
    import corpus.keras_healthy
    import corpus.keras_healthy_harder
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
