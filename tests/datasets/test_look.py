"""What is said of data before training, and fewer samples for a slow computer."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest

from gradgauge.cli.app import run
from gradgauge.datasets.look import look_at
from gradgauge.errors import InvalidValue


def keys(dataset) -> list[str]:
    return [warning.said.key for warning in look_at(dataset)]


def test_sound_data_is_passed_in_silence(blobs):
    assert keys(blobs) == []


def test_floats_up_to_255_are_unscaled(blobs):
    assert keys(replace(blobs, x_train=blobs.x_train * 100)) == ["data.unscaled"]


def test_bytes_are_scaled_by_us(blobs):
    assert keys(replace(blobs, x_train=np.full((200, 12), 200, np.uint8))) == []


def test_labels_from_one(blobs):
    assert keys(replace(blobs, y_train=blobs.y_train + 1)) == ["data.from_one"]


def test_a_class_that_never_occurs(blobs):
    y = np.where(blobs.y_train == 1, 3, blobs.y_train)
    assert keys(replace(blobs, y_train=y)) == ["data.missing_class"]


def test_numbers_have_no_classes(numbers):
    assert keys(numbers) == []


def test_fewer_samples_keep_the_classes_of_sorted_data(blobs):
    order = np.argsort(blobs.y_train, kind="stable")
    sorted_ = replace(blobs, x_train=blobs.x_train[order], y_train=blobs.y_train[order])
    few = sorted_.thinned(20)
    shares = np.bincount(few.y_train) / 20
    assert len(few.x_train) == 20
    np.testing.assert_allclose(shares, np.bincount(blobs.y_train) / 200, atol=0.06)
    assert few.fingerprint != sorted_.fingerprint
    assert sorted_.thinned(None) is sorted_


@pytest.mark.parametrize("count", [2, 201])
def test_too_few_or_too_many_are_refused(blobs, count):
    with pytest.raises(InvalidValue):
        blobs.thinned(count)


def test_the_command_says_the_hint_once_and_trains_on_fewer(blobs, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    np.savez(
        "d.npz",
        x_train=blobs.x_train * 200,
        y_train=blobs.y_train,
        x_test=blobs.x_test * 200,
        y_test=blobs.y_test,
    )
    options = [
        "--dataset",
        "d.npz",
        "--train-samples",
        "100",
        "--batch-size",
        "20",
        "--epochs",
        "1",
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        assert run(["compare", "12-4x2-3 relu", *options, "--json"]) == 0
    said = capsys.readouterr()
    assert said.err.count("hint:") == 1
    assert '"train": 100' in said.out
    assert "--train-samples 100" in said.out
