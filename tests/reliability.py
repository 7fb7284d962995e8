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
        "read in a separate process first, unless it is a Run that carries this account's signature, "
        "because a bad file can crash the library; no links, references or chunks larger than the file",
        ("test_hdf5.py", "test_seal.py"),
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
        "databases of studies and remedy trials",
        "links, FIFOs and devices are rejected, and so are journals that name another file, which "
        "SQLite would delete, and contents that gradgauge would not have written",
        ("test_sqlite.py", "remedies/test_store.py"),
    ),
    Row(
        "model (`.keras`, `.h5`)",
        "nothing executed, fetched or followed; allowlist of names; plain trained `.h5` models work, "
        "including those whose loss has a short name",
        (READERS, "diagnosis/model_file/test_model_files.py"),
    ),
    Row(
        "impossible paths: names that are too long, NUL",
        "one sentence from every reader and writer",
        ("test_places.py",),
    ),
    Row(
        "compiled programs",
        "bound to their key, signed with the account's secret; the folder has mode 0700",
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
        "`kill -9` of a Ray worker or driver, or of a Slurm job",
        "the same; the study continues",
        ("study/sweep/test_runners.py",),
    ),
    Row(
        "Ray's raylet or head dies",
        "one sentence, exit code 2; no agent or worker is left, even if the driver was killed",
        ("study/sweep/runners/test_ray_cluster.py",),
    ),
    Row(
        "`kill -9` while a Run is written",
        "the file is complete: either the old one or the new one",
        ("test_run.py",),
    ),
    Row(
        "a process stopped for longer than its lease",
        "others take over its cells; finished cells count once",
        ("study/sweep/test_store.py",),
    ),
    Row(
        "the study's folder is moved or deleted while a sweep is running",
        "one sentence, exit code 2",
        ("study/sweep/test_store_refusals.py",),
    ),
    Row(
        "full disk, in `compare`, `why` and `theory`",
        "the results first, then one sentence; no partial files remain",
        ("cli/test_full_disk.py", "test_run.py"),
    ),
    Row(
        "output that cannot be written (`> /dev/full`, a reader that has exited)",
        "one sentence, if it can still be printed, and the exit code",
        ("cli/test_output.py",),
    ),
    Row(
        "closed or full standard streams; a missing home folder, cache folder or device",
        "the command works or reports the problem in one sentence; output meant for a closed "
        "stream never ends up in a file",
        ("cli/test_output.py", "engine/test_runtime.py"),
    ),
    Row(
        "Ctrl-C, at random moments of each command",
        "ends within two seconds with exit code 130; finished results are kept, and the output says where",
        ("cli/test_interrupt.py",),
    ),
    Row(
        "a network larger than the free memory",
        "rejected before anything is allocated, with both numbers; for your own networks, as far as "
        "their parameters show it; if memory still runs out, one sentence",
        ("engine/test_memory.py", "engine/test_cost.py"),
    ),
    Row(
        "absurd sizes, seeds and numbers of epochs",
        "rejected before any work is done",
        ("spec/test_training.py", "spec/test_comparison.py"),
    ),
    Row(
        "a worker of the live page dies; malformed messages, foreign origins, a viewer that never "
        "reads, 200 viewers",
        "the page reports it and continues; nothing that a viewer sends is executed; no viewer waits "
        "for another",
        ("play/test_server.py", "play/test_crowd.py"),
    ),
    Row(
        "a figure that cannot be drawn at the end of a watched training run",
        "the training process continues",
        ("report/pages/test_watched.py",),
    ),
)

ATTACKS = (
    Attack(
        "Ctrl-C at ten random moments of each of nine commands, on two cores with 30 other processes "
        "waiting",
        "90, then 24 and another 90 after the fixes",
        (
            "XLA's abort message twice and Python's own exit code instead of 130 three times, both "
            "fixed. Two commands took 4.3 and 7.4 s under that load: while loading their libraries, "
            "PyTorch holds Python's global lock for 0.22 s of CPU time and TensorFlow for 0.34 s, "
            "and no Python code can run in that time. No other command holds it for more than "
            "0.15 s. The last 90, with 22 other processes waiting, all ended in time"
        ),
    ),
    Attack(
        "`python -m benchmarks.kills`: `kill -9` of a sweep up to a second after its first new cell",
        "100 kills, 10 studies of 240 cells",
        "nothing: every cell trained once, every study identical to an undisturbed one, bit for bit",
    ),
    Attack(
        "118 model files that are damaged, or made to run code, access the network or the disk, or "
        "fill the memory",
        "118 `diagnose`",
        "nothing executed, fetched or followed; no traceback, no hang",
    ),
    Attack(
        "Run files, `.npz`, `.csv`, plans and models with changed contents (unusual types anywhere in "
        "their JSON, layers that contain code at any depth, declared shapes of 10^15, truncated "
        "archives, HDF5 types and links); option values; paths that are folders, FIFOs, devices or "
        "loops, or that contain control characters",
        "1,350",
        "two kinds of tracebacks, both fixed: option names that are not text, a NUL in a path",
    ),
    Attack(
        "outputs that are full, closed or in another encoding; deleted working folders; caches at "
        "impossible paths",
        "29 commands",
        "two kinds of tracebacks, both fixed: a full output, characters that its encoding lacks",
    ),
    Attack(
        "HDF5 with unusual types, links, references, chunks and filters, or with damage; `.keras` "
        "archives with unusual names, flags and sizes; `.npz`, `.csv`, studies and trials with "
        "FIFOs, sockets, devices, links, journals and triggers; plans, notations and addresses of "
        "the live page; paths that are too long or cannot be encoded. Connections, processes and "
        "other users' files were monitored",
        "580",
        "a journal that made SQLite delete a user's file; damage that makes HDF5 crash the process or "
        "write outside its memory; thousands of groups or files that took minutes; tracebacks for "
        "names that are too long; all fixed",
    ),
    Attack(
        "environments: languages, encodings, terminals; missing home, temporary and cache folders; "
        "closed streams; devices that JAX lacks; output paths",
        "152 commands",
        "three kinds of tracebacks, all fixed: no home folder, a cache path that is too long, no such "
        "device",
    ),
    Attack(
        "Ray's raylet, head and driver killed, and nothing killed",
        "4 sweeps",
        "one sentence; no process left within a second",
    ),
    Attack(
        "attack programs written for an earlier version: structured changes to a Run file, notations, "
        "plans and `.npz` files, injections into pages and figures",
        "575, 210,000, 29,000, 20,000, 154",
        "four kinds of Run files and one kind of `.npz` file caused a traceback; all fixed",
    ),
)


def page() -> str:
    """The page in Markdown."""
    parts = (
        "# Reliability",
        (
            "This page lists what gradgauge guarantees about files, kills, full disks and Ctrl-C, with "
            "the test for each guarantee. `.venv/bin/python -m pytest FILE` runs one of them, and "
            "`make test` runs all. Guarantees for files from untrusted sources are in "
            "[SECURITY.md](../SECURITY.md). `python -m tests.reliability` writes this page."
        ),
        "## Files",
        (
            "`make fuzz` creates 5,000 modified copies of each kind of file (bytes flipped, removed, "
            "inserted or repeated, the end cut off) and passes them to the reader that the commands "
            "use; `make test` creates 60 of each. Every copy is either read or rejected with one "
            "printable line in English and Korean, and nothing takes longer than 20 s."
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
            "Not tested: clocks that jump, network file systems, Ray on several machines, a full disk in "
            "`remedy` and `diagnose`, GPUs that run out of memory."
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
