"""Data to train on, one file a source. `load` finds the right one."""

from __future__ import annotations

from pathlib import Path

from gradgauge.datasets import mnist, npz
from gradgauge.datasets._dataset import Dataset
from gradgauge.errors import DataProblem

NAMES = ("mnist",)

__all__ = ["NAMES", "Dataset", "load"]


def load(name: str, classification: bool = True) -> Dataset:
    """The dataset of a name (`mnist`) or of an .npz file's path.

    Raises:
        DataProblem: it is neither, or it cannot be used; one sentence says why.
    """
    if name == "mnist" and classification:
        return mnist.load()
    path = Path(name)
    if path.suffix == ".npz" or path.exists():
        return npz.load(path, classification)
    raise DataProblem(name, "unknown_kind", known=", ".join(NAMES))
