"""CSV files, scikit-learn's digits and data made on the spot."""

from __future__ import annotations

import numpy as np
import pytest

from gradgauge import datasets
from gradgauge.datasets.synthetic import MADE
from gradgauge.errors import DataProblem


def test_a_csv_file_with_words_for_classes(tmp_path):
    path = tmp_path / "flowers.csv"
    rows = [f"{i},{i % 3},{'iris' if i % 2 else 'rose'}" for i in range(50)]
    path.write_text("length,width,kind\n" + "\n".join(rows))
    data = datasets.load(str(path))
    assert (data.inputs, data.outputs) == (2, 2)
    assert (len(data.x_train), len(data.x_test)) == (40, 10)
    x, y = np.concatenate([data.x_train, data.x_test]), np.concatenate([data.y_train, data.y_test])
    assert np.array_equal(y, (x[:, 0] % 2 == 0).astype(int)), "iris is class 0, rose class 1"
    again = datasets.load(str(path))
    assert np.array_equal(again.x_test, data.x_test), "the same rows are held back at every call"


def test_a_csv_file_without_names_and_numbers_to_predict(tmp_path):
    path = tmp_path / "numbers.csv"
    path.write_text("\n".join(f"{i},{i * i},{2.5 * i}" for i in range(20)))
    data = datasets.load(str(path), classification=False)
    assert data.y_train.shape == (16, 1)
    assert np.allclose(data.y_train[:, 0], 2.5 * data.x_train[:, 0])


@pytest.mark.parametrize(
    ("content", "reason", "facts"),
    [
        ("", "csv_unreadable", {}),
        ("1\n2\n", "csv_columns", {"columns": 1}),
        ("a,b,c\n1,x,0\n2,3,1\n", "csv_not_a_number", {"column": "b", "row": 1, "found": "x"}),
        ("1,2,3\n1,2\n1,2,3,4\n", "csv_unreadable", {}),
        ("1,,0\n2,3,1\n", "csv_not_a_number", {"column": "1", "row": 1}),
    ],
)
def test_what_is_wrong_with_a_csv_file_is_said(tmp_path, content, reason, facts):
    path = tmp_path / "data.csv"
    path.write_text(content)
    with pytest.raises(DataProblem) as caught:
        datasets.load(str(path))
    assert caught.value.reason == reason
    assert facts.items() <= caught.value.facts.items()


@pytest.mark.parametrize("name", sorted(MADE))
def test_made_data_are_the_same_at_every_call_and_hold_every_class(name):
    data, again = datasets.load(name), datasets.load(name.upper())
    assert data.fingerprint == again.fingerprint
    assert set(data.y_test) == set(data.y_train) == set(range(data.outputs))
    assert np.allclose(np.concatenate([data.x_train, data.x_test]).std(axis=0), 1, atol=1e-5)


def test_digits_are_scikit_learns():
    from sklearn.datasets import load_digits
    from sklearn.utils import Bunch

    data, theirs = datasets.load("digits"), load_digits()
    assert isinstance(theirs, Bunch)
    assert data.image_shape == (8, 8)
    assert np.array_equal(
        np.bincount(np.concatenate([data.y_train, data.y_test])), np.bincount(theirs.target)
    )
    assert sorted(map(bytes, np.concatenate([data.x_train, data.x_test]))) == sorted(
        map(bytes, (theirs.data / 16).astype(np.float32))
    )
