"""Small trainings that share few compiled programs, and what a member of a Run holds."""

from __future__ import annotations

import numpy as np

from gradgauge.datasets import Dataset
from gradgauge.engine.terms import Entry
from gradgauge.engine.train import train
from gradgauge.run import Run
from gradgauge.spec.notation import parse
from gradgauge.spec.training import TrainingSpec

NETWORK = parse("12-6x3-3 relu")
TRAINING = TrainingSpec(batch_size=40, epochs=2, learning_rate=0.01)


def entry(activation: str = "relu", **training) -> Entry:
    network = NETWORK.with_activation(activation)
    return Entry(activation, network, TRAINING.replace(**training))


def run_of(dataset: Dataset, *entries: Entry) -> list[Run]:
    return train(entries, dataset).runs


def of_member(run: Run, seed: int) -> dict[str, np.ndarray]:
    """Everything a Run keeps of one seed."""
    at = run.seeds.index(seed)
    kept = {name: array[at] for name, (_, array) in run.members.variables.items()}
    for group in run.groups:
        for name, (_, array) in run.groups[group].variables.items():
            kept[f"{group}/{name}"] = array[at]
    return kept


def assert_bit_for_bit(one: dict[str, np.ndarray], two: dict[str, np.ndarray]) -> None:
    assert set(one) == set(two)
    for name, value in one.items():
        assert np.asarray(value).tobytes() == np.asarray(two[name]).tobytes(), name
