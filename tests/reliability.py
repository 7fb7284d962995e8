"""The page on what was tried to break it: `python -m tests.reliability > docs/reliability.md`.

Each row names the tests that hold it; `tests/test_reliability.py` asks whether they are there and
whether the page is the one that this makes.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """What happens, what holds then, and the tests, by their paths in `tests/`."""

    what: str
    holds: str
    tests: tuple[str, ...]


@dataclass(frozen=True)
class Attack:
    """A larger attack: the command or what it was, how often, and what it found."""

    what: str
    tries: str
    found: str


READERS = "fuzz/test_readers.py"

FILES = (
    Row(
        "Run (`.nc`)",
        "read, or one sentence; layers, shapes and attributes must be consistent",
        (READERS, "test_run.py"),
    ),
    Row(
        "data (`.npz`, `.csv`)",
        "sizes are checked against the file before memory is allocated; no pickles",
        (READERS, "datasets/test_npz.py"),
    ),
    Row(
        "HDF5 (Runs, weights)",
        "read in another process first, unless a digest says that it is as it was saved: the library "
        "does not survive every file; no links, references or chunks larger than the file",
        ("test_hdf5.py",),
    ),
    Row(
        "plan (`.toml`), notation",
        "every invalid word is reported with its position; ranges and depths are limited",
        (READERS, "study/sweep/test_plan.py"),
    ),
    Row(
        "study (SQLite)",
        "our tables and indexes only; cells and outcomes checked",
        (READERS, "study/sweep/test_store.py"),
    ),
    Row(
        "databases of studies and of trials of remedies",
        "links, FIFOs and devices are refused, and journals that name another file: SQLite would "
        "delete it; what is not such as we write is not believed",
        ("test_sqlite.py", "remedies/test_store.py"),
    ),
    Row(
        "model (`.keras`, `.h5`)",
        "nothing executed, fetched or followed; allow list of names; plain trained `.h5` models "
        "work, with losses by short names, too",
        (READERS, "diagnosis/model_file/test_model_files.py"),
    ),
    Row(
        "paths that cannot be: names too long, NUL",
        "one sentence from every reader and writer",
        ("test_places.py",),
    ),
    Row(
        "compiled programs",
        "bound to their key, sealed with the account's secret, folder 0700",
        ("engine/test_executables.py",),
    ),
)

PROCESSES = (
    Row(
        "`kill -9` of a sweep, one or several processes",
        "every cell trained once; results identical to an undisturbed run, bit for bit",
        ("study/sweep/test_sweep.py",),
    ),
    Row(
        "`kill -9` of a Ray worker or driver, of a Slurm job",
        "the same; the study continues",
        ("study/sweep/test_runners.py",),
    ),
    Row(
        "Ray's raylet or head dies",
        "one sentence, exit code 2; no agent or worker stays, also where the driver was killed",
        ("study/sweep/runners/test_ray_cluster.py",),
    ),
    Row(
        "`kill -9` while a Run is written",
        "the old file or the new one, complete",
        ("test_run.py",),
    ),
    Row(
        "a process stopped for longer than its lease",
        "others take over its cells; finished cells count once",
        ("study/sweep/test_store.py",),
    ),
    Row(
        "the study's folder is moved or deleted under a running sweep",
        "one sentence, exit code 2",
        ("study/sweep/test_store_refusals.py",),
    ),
    Row(
        "full disk, under `compare`, `why` and `theory`",
        "the results first, then one sentence; no partial files remain",
        ("cli/test_full_disk.py", "test_run.py"),
    ),
    Row(
        "output that cannot be written (`> /dev/full`, a reader that has exited)",
        "one sentence, if it can still be printed, and the exit code",
        ("cli/test_output.py",),
    ),
    Row(
        "closed or full standard streams, a home, cache or device that is not there",
        "the command works, or says it in one sentence; no file receives what is meant for a closed stream",
        ("cli/test_output.py", "engine/test_runtime.py"),
    ),
    Row(
        "Ctrl-C, at random moments of each command",
        "ends within two seconds with exit code 130; finished results are kept, and the output tells where",
        ("cli/test_interrupt.py",),
    ),
    Row(
        "a network larger than the free memory",
        "refused before anything is taken, with both numbers; your own networks, too, as far as "
        "their parameters tell; out of memory all the same is one sentence",
        ("engine/test_memory.py", "engine/test_cost.py"),
    ),
    Row(
        "sizes, seeds and epochs beyond reason",
        "refused before any work",
        ("spec/test_training.py", "spec/test_comparison.py"),
    ),
    Row(
        "a worker of the live page dies; garbage, strangers' origins, a viewer that never reads, "
        "200 viewers",
        "the page says so and goes on; nothing of a viewer is executed; nobody waits for anybody",
        ("play/test_server.py", "play/test_crowd.py"),
    ),
    Row(
        "a picture that cannot be drawn at the end of a watched training",
        "the training process continues",
        ("report/pages/test_watched.py",),
    ),
)

ATTACKS = (
    Attack(
        "Ctrl-C at ten random moments of each of nine commands, on two cores with 30 others waiting",
        "90, and 24 and 90 again after the fixes",
        (
            "XLA's abort message twice, Python's own exit instead of 130 three times, both fixed; "
            "two took 4.3 and 7.4 s at that load: while loading its libraries, PyTorch holds "
            "Python's lock for 0.22 s of CPU time and TensorFlow for 0.34 s, and no Python code can "
            "run meanwhile; no other command holds it for more than 0.15 s. The last 90, with 22 "
            "others waiting: all in time"
        ),
    ),
    Attack(
        "`python -m benchmarks.kills`: `kill -9` of a sweep up to a second after its first new cell",
        "100 kills, 10 studies of 240 cells",
        "nothing: every cell trained once, every study identical to an undisturbed one, bit for bit",
    ),
    Attack(
        "118 model files made to run code, to reach the network or the disk, to fill the memory, "
        "or damaged",
        "118 `diagnose`",
        "nothing run, fetched or followed; no traceback, no hang",
    ),
    Attack(
        "Run files, `.npz`, `.csv`, plans and models changed by meaning (odd types at any place of "
        "their JSON, layers that hold code at any depth, declared shapes of 10^15, truncated "
        "archives, HDF5 types and links), option values, and paths that are folders, FIFOs, "
        "devices, loops or hold control characters",
        "1,350",
        "two kinds of tracebacks, both fixed: names of options that are no text, a NUL in a path",
    ),
    Attack(
        "outputs that are full, closed or of another encoding; working folders that are gone; "
        "caches in places that cannot be",
        "29 commands",
        "two kinds of tracebacks, both fixed: a full output, letters that its encoding lacks",
    ),
    Attack(
        "HDF5 with odd types, links, references, chunks, filters and damage; `.keras` archives with odd "
        "names, flags and sizes; `.npz`, `.csv`, studies and trials with FIFOs, sockets, devices, "
        "links, journals and triggers; plans, notations and addresses of the live page; places with "
        "names too long or of no encoding; with an eye on connections, processes and files of others",
        "580",
        "a journal that made SQLite delete a file of the user's; damage over which HDF5 ends the "
        "process, or writes past its memory; thousands of groups or files that took minutes; names "
        "too long as tracebacks; all fixed",
    ),
    Attack(
        "environments: languages, encodings, terminals, homes, temporary folders and caches that are "
        "not there, closed streams, devices that JAX lacks, places for output",
        "152 commands",
        "three kinds of tracebacks, all fixed: no home, a cache's name too long, no such device",
    ),
    Attack(
        "Ray's raylet, head and driver killed, and nothing killed",
        "4 sweeps",
        "one sentence; no process left within a second",
    ),
    Attack(
        "programs of an attack on an earlier version: structured changes of a Run file, notations, "
        "plans, `.npz` files, injections into pages and pictures",
        "575, 210,000, 29,000, 20,000, 154",
        "four kinds of Run files and one of `.npz` ended in a traceback; all fixed",
    ),
)


def page() -> str:
    """The page in Markdown."""
    parts = (
        "# Reliability: attempts to break it",
        (
            "What gradgauge guarantees about files, kills, full disks and Ctrl-C, and the test for "
            "each guarantee. Run one with `.venv/bin/python -m pytest FILE`; `make test` runs all of "
            "them. Guarantees for files from untrusted sources are in "
            "[SECURITY.md](../SECURITY.md). `python -m tests.reliability` writes this page."
        ),
        "## Files",
        (
            "`make fuzz` creates 5,000 modified copies of each kind of file (bytes flipped, removed, "
            "inserted or repeated, the end cut off) and passes them to the reader that the commands "
            "use; `make test` creates 60 of each. A copy is read, or refused with one printable line "
            "in English and Korean; nothing takes longer than 20 s."
        ),
        _rows("file", FILES),
        "## Processes and machines",
        (
            "Ctrl-C is tested at three random moments of each command, or at ten with "
            "`GRADGAUGE_MOMENTS=10`."
        ),
        _rows("what happens", PROCESSES),
        "## Larger attacks, last on 28 November 2026",
        _table(("attack", "tries", "found"), [(a.what, a.tries, a.found) for a in ATTACKS]),
        (
            "Not tried: machines with a clock that jumps, network file systems, Ray on several "
            "machines, a full disk under `remedy` and `diagnose`, GPUs that run out of memory."
        ),
    )
    return "\n\n".join(parts) + "\n"


def _rows(first: str, rows: tuple[Row, ...]) -> str:
    return _table((first, "guarantee", "test"), [(r.what, r.holds, _links(r)) for r in rows])


def _links(row: Row) -> str:
    return ", ".join(f"[tests/{test}](../tests/{test})" for test in row.tests)


def _table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    shown = [f"| {' | '.join(line)} |" for line in (heads, *rows)]
    return "\n".join((shown[0], "|---" * len(heads) + "|", *shown[1:]))


if __name__ == "__main__":
    sys.stdout.write(page())
