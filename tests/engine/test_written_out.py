"""Layers written out one by one: when, and that they train as scanned ones do."""

from __future__ import annotations

import numpy as np
import pytest

from gradgauge.datasets import Dataset
from gradgauge.engine import build, written_out
from gradgauge.engine.layout import apart, together
from gradgauge.engine.program_key import Block, ProgramKey, program_key
from gradgauge.engine.terms import Entry
from gradgauge.spec.notation import parse
from gradgauge.spec.training import TrainingSpec
from tests.engine.members import TRAINING, assert_bit_for_bit, entry, of_member, run_of


def key_of(text: str, **training: int) -> ProgramKey:
    return program_key(parse(text), TrainingSpec(**training), 60_000, frozenset({"relu"}))


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Written out however short the training is."""
    monkeypatch.setattr(written_out, "LEAST_STEPS", 0)


def test_the_practical_is_written_out() -> None:
    key = key_of("784-64x10-10 relu", epochs=5)
    assert key.blocks == (Block(784, 64, 1), Block(64, 64, 9))
    assert key.step_blocks == (Block(784, 64, 1), *[Block(64, 64, 1)] * 9)
    assert key.inside().blocks == key.step_blocks


@pytest.mark.parametrize("text", ["784-64x200-10 relu", "784-512x1000-10 relu"])
def test_deep_networks_are_scanned_so_that_programs_do_not_grow(text: str) -> None:
    key = key_of(text, epochs=5)
    assert key.step_blocks == key.blocks


def test_short_trainings_are_scanned() -> None:
    key = key_of("784-64x10-10 relu", epochs=1, batch_size=6_000)
    assert key.step_blocks == key.blocks


def test_the_table_has_a_row_for_every_width() -> None:
    widest = [width for width, _ in written_out.DEEPEST]
    assert widest == sorted(widest)
    assert written_out.is_written_out(10**6, 1)


@pytest.mark.usefixtures("always")
def test_apart_and_together_again() -> None:
    text = "7-6x3:relu-5x2:relu-6:relu-4"
    key, params = key_of(text), build.initial_parameters(parse(text), 0)
    pieces = apart(key, params)
    assert [len(piece["weight"]) for piece in pieces] == [1] * 7
    again = together(key, pieces)
    for before, after in zip(params, again, strict=True):
        for name, value in before.items():
            np.testing.assert_allclose(after[name], value, rtol=1e-7)


@pytest.mark.parametrize(
    "text", ["12-6x4-3 tanh skip=1", "12-6x3:relu-5x2:elu-3 norm=batch", "12-6x4-3 elu norm=layer"]
)
def test_as_scanned(blobs: Dataset, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Batches of 32 leave a smaller one at the end of an epoch."""
    training = TRAINING.replace(batch_size=32)
    (scanned,) = run_of(blobs, Entry("deep", parse(text), training))
    monkeypatch.setattr(written_out, "LEAST_STEPS", 0)
    (written,) = run_of(blobs, Entry("deep", parse(text), training))
    wanted, got = of_member(scanned, 0), of_member(written, 0)
    for name, value in wanted.items():
        np.testing.assert_allclose(got[name], value, rtol=2e-4, atol=1e-6, err_msg=name)


@pytest.mark.usefixtures("always")
def test_bit_for_bit_whoever_ran_beside_it(blobs: Dataset) -> None:
    alone = run_of(blobs, entry("relu", seeds=(0,)))[0]
    beside = run_of(blobs, entry("sigmoid", seeds=(1, 0)), entry("relu", seeds=(2, 0, 1)))[1]
    assert_bit_for_bit(of_member(beside, 0), of_member(alone, 0))
