"""Every kind of file that gradgauge reads: a good one, and who reads it as a command does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import gradgauge as gg
from gradgauge import datasets
from gradgauge.cli.diagnose import arrays_for
from gradgauge.datasets import Dataset
from gradgauge.diagnosis.loading import load_model
from gradgauge.report.words.headline import headline
from gradgauge.spec.notation import parse
from gradgauge.study.compare.saved import load_comparison
from gradgauge.study.sweep.plan_file import read_plan
from gradgauge.study.sweep.results import load_study
from gradgauge.study.sweep.store import Store
from tests.study.sweep.test_results import PLAN


@dataclass(frozen=True)
class Reader:
    """A kind of file.

    Attributes:
        name: the file's, whose ending says its kind.
        make: writes a good one into a folder.
        read: reads it.
    """

    name: str
    make: Callable[[Path], None]
    read: Callable[[Path], object]


def _run(path: Path) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 4)).astype("f4"), np.arange(40) % 2
    data = Dataset("made", x, y.astype("i4"), x, y.astype("i4"), "0", (4,))
    gg.compare("4-3-2 relu", dataset=data, epochs=1, batch_size=20).runs["4-3-2 relu"].save(path)


def _read_run(path: Path) -> None:
    comparison = load_comparison(path)
    comparison.to_json()
    headline(comparison, "ko")


def _npz(path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(12, 3))
    y = np.arange(12) % 3
    np.savez(path, x_train=x, y_train=y, x_test=x[:4], y_test=y[:4])


def _arrays(path: Path) -> None:
    np.savez(path, x=np.ones((6, 3)), y=np.arange(6) % 2)


def _csv(path: Path) -> None:
    rows = [f"{i / 7:.3f},{(i * 3) % 5},label{i % 2}" for i in range(30)]
    path.write_text("\n".join(["width,height,kind", *rows]), encoding="utf-8")


def _plan(path: Path) -> None:
    path.write_text(
        'dataset = "blobs"\ntrain_samples = 1000\noutcomes = ["test_accuracy", "delta_norm[1]"]\n'
        '[network]\nactivation = ["relu", "tanh"]\nwidth = 16\n'
        "depth = { from = 10, to = 100, count = 4 }\n"
        '[training]\nlearning_rate = { from = 1e-4, to = 1e-2, count = 5, spacing = "log" }\n'
        "seeds = 3\n",
        encoding="utf-8",
    )


def _notation(path: Path) -> None:
    path.write_text(
        "784-64x9:sigmoid-64:relu-10 init=he_normal scale=1.5 norm=batch skip=2", "utf-8"
    )


def _study(path: Path) -> None:
    store = Store(path.parent, PLAN, "data", [0] * PLAN.cells)
    for cell in range(10):
        store.done(cell, "a-b", PLAN.values(cell)["seed"], (cell / 10, 10.0**-cell), None)
    store.failed(10, "once")
    store.close()


def _model(path: Path) -> None:
    import keras

    model = keras.Sequential(
        [keras.layers.Input((4,)), keras.layers.Dense(3, "relu"), keras.layers.Dense(1)]
    )
    model.compile("sgd", "mse")
    model.save(path)


READERS = (
    Reader("run.nc", _run, _read_run),
    Reader("data.npz", _npz, lambda path: datasets.load(str(path))),
    Reader("arrays.npz", _arrays, lambda path: arrays_for(None, str(path))),
    Reader("table.csv", _csv, lambda path: datasets.load(str(path))),
    Reader("plan.toml", _plan, read_plan),
    Reader("notation.txt", _notation, lambda path: parse(path.read_text("utf-8", "replace"))),
    Reader("study.sqlite", _study, lambda path: load_study(path.parent).to_pandas()),
    Reader("model.keras", _model, lambda path: load_model(str(path))),
    Reader("model.h5", _model, lambda path: load_model(str(path))),
)
