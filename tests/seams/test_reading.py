"""Reading never configures: each check runs in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

READERS = (
    "gradgauge.run",
    "gradgauge.study.compare.result",
    "gradgauge.study.compare.run",
    "gradgauge.study.why.result",
    "gradgauge.study.why.run",
    "gradgauge.study.sweep.results",
    "gradgauge.study.sweep.slices",
    "gradgauge.study.sweep.run",
    "gradgauge.study.theory.measurement",
    "gradgauge.study.theory.trainability",
    "gradgauge.report.pages.write",
    "gradgauge.report.images",
    "gradgauge.report.closing",
    "gradgauge.report.notebook",
    "gradgauge.report.terminal.comparison",
    "gradgauge.report.terminal.why",
    "gradgauge.report.terminal.theory",
    "gradgauge.export.jsonl",
    "gradgauge.export.tensorboard",
    "gradgauge.watchers.dispatch",
    "gradgauge.engine.train",
    "gradgauge.engine.initial",
)


def python(script: str, *arguments: object, **variables: str) -> str:
    """What a script prints, in a process without this one's settings for JAX."""
    ours = ("XLA_FLAGS", "JAX_", "KERAS_", "TF_CPP")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    command = [sys.executable, "-c", script, *map(str, arguments)]
    done = subprocess.run(
        command, env=kept | variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


_IMPORT = """
import importlib, os, sys, warnings
# What other packages filter when they are imported is theirs.
filters = []
def noted(real):
    def note(*arguments, **options):
        filters.append(sys._getframe(1).f_globals["__name__"])
        return real(*arguments, **options)
    return note
for name in ("filterwarnings", "simplefilter", "resetwarnings"):
    setattr(warnings, name, noted(getattr(warnings, name)))
before = dict(os.environ)
for name in sys.argv[1:]:
    importlib.import_module(name)
    assert dict(os.environ) == before, name
    assert not [by for by in filters if by.startswith("gradgauge")], name
    for framework in ("jax", "keras", "torch", "tensorflow"):
        assert framework not in sys.modules, (name, framework)
"""


def test_importing_a_reader_changes_nothing():
    python(_IMPORT, *READERS)


_BLOCK = """
import sys
from importlib.machinery import PathFinder

find = PathFinder.find_spec

def find_spec(name, path=None, target=None):
    blocked = name.partition(".")[0] in ("jax", "jaxlib", "keras", "tensorflow")
    return None if blocked else find(name, path, target)

PathFinder.find_spec = find_spec
"""

_WATCH = (
    _BLOCK
    + """
from pathlib import Path
import torch
import gradgauge as gg
from gradgauge.cli.app import main
from gradgauge.export.jsonl import JsonlWriter
from gradgauge.report.closing import ReportWriter

folder = Path(sys.argv[1])
torch.manual_seed(0)
model = torch.nn.Sequential(
    torch.nn.Linear(6, 8), torch.nn.Sigmoid(), torch.nn.Linear(8, 8), torch.nn.Sigmoid(),
    torch.nn.Linear(8, 3),
)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
x, y = torch.randn(32, 6), torch.randint(0, 3, (32,))
to = [JsonlWriter(folder / "watch.jsonl"), ReportWriter(folder / "closing.html")]
with gg.watch(model, every=1, optimizer=optimizer, to=to) as watcher:
    for _ in range(4):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
watcher.run.save(folder / "run.nc")
gg.write_picture(watcher.run, folder / "picture.svg")
gg.write_report(watcher.run, folder / "report.html")
gg.Run.load(folder / "run.nc")
sys.argv = ["gradgauge", "report", str(folder / "run.nc"), "--out", str(folder / "command.html")]
try:
    main()
except SystemExit as over:
    assert not over.code, over.code
assert not {"jax", "keras", "tensorflow"} & set(sys.modules)
"""
)


def test_watching_pytorch_needs_neither_jax_nor_keras(tmp_path: Path):
    """Its picture, its report and the command that makes one from its file, too."""
    python(_WATCH, tmp_path)
    for name in ("picture.svg", "report.html", "command.html", "closing.html", "watch.jsonl"):
        assert (tmp_path / name).stat().st_size > 500, name


_OWN_JAX = """
import os, sys, warnings
import jax
jax.config.update("jax_compilation_cache_dir", sys.argv[1])
jax.config.update("jax_persistent_cache_min_compile_time_secs", 3.0)
import numpy as np
def settings():
    return (
        dict(os.environ), list(warnings.filters), jax.config.jax_compilation_cache_dir,
        jax.config.jax_persistent_cache_min_compile_time_secs, jax.config.jax_enable_x64,
        jax._src.config.config._read("jax_cpu_enable_async_dispatch"),
    )
import h5netcdf
from gradgauge.datasets import Dataset
from gradgauge.engine.initial import read_initial
from gradgauge.engine.terms import Entry
from gradgauge.engine.train import train
from gradgauge.spec.notation import parse
from gradgauge.spec.training import TrainingSpec
before = settings()
rng = np.random.default_rng(0)
x, y = rng.normal(size=(24, 5)), np.arange(24, dtype=np.int32) % 3
data = Dataset("d", x, y, x, y, "d", (5,))
training = TrainingSpec(batch_size=8, epochs=1)
train([Entry("n", parse("5-4x2-3 tanh"), training)], data)
read_initial(parse("5-4x2-3 tanh"), 0, x, y)
assert settings() == before
"""


def test_a_jax_that_runs_already_is_left_as_it_is(tmp_path: Path):
    python(_OWN_JAX, tmp_path / "theirs", GRADGAUGE_CACHE=str(tmp_path / "ours"))
    # Programs are kept all the same, in a folder of our own.
    assert list((tmp_path / "ours").glob("*.program"))


_STARTED = """
import os, sys
from gradgauge.engine.runtime import start
start()
assert "xla_cpu_multi_thread_eigen=false" in os.environ["XLA_FLAGS"]
import jax
assert jax.config.jax_compilation_cache_dir.startswith(sys.argv[1])
assert not jax._src.config.config._read("jax_cpu_enable_async_dispatch")
"""


def test_a_training_sets_jax_up(tmp_path: Path):
    python(_STARTED, tmp_path, GRADGAUGE_CACHE=str(tmp_path))
