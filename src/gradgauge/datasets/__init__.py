"""Data to train on, one file a source. `load` finds the right one."""

from __future__ import annotations

from pathlib import Path

from gradgauge.datasets import csv, digits, mnist, npz, synthetic
from gradgauge.datasets.dataset import Dataset
from gradgauge.errors import DataProblem
from gradgauge.parts.spelling import known_name
from gradgauge.places import is_there

NAMES = ("mnist", "digits", *synthetic.MADE)

__all__ = ["NAMES", "Dataset", "load"]


def load(name: str, classification: bool = True) -> Dataset:
    """Load a dataset by its name (one of NAMES), or from an .npz or .csv file.

    Raises:
        DataProblem: the name is neither a dataset nor such a file, or the data cannot be used.
        MissingExtra: `digits` without scikit-learn.
    """
    name = known_name(name, NAMES)
    if classification and name == "mnist":
        return mnist.load()
    if classification and name == "digits":
        return digits.load()
    if classification and name in synthetic.MADE:
        return synthetic.load(name)
    path = Path(name)
    if path.suffix == ".csv":
        return csv.load(path, classification)
    if path.suffix == ".npz" or is_there(path):
        return npz.load(path, classification)
    raise DataProblem(name, "unknown_kind", known=", ".join(NAMES))
