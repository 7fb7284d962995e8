"""A user's own .npz: what is read how, and one sentence about everything that cannot be."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from gradgauge import datasets
from gradgauge.datasets import Dataset
from gradgauge.errors import DataProblem

RNG = np.random.default_rng(0)


def arrays(**changes: Any) -> dict[str, np.ndarray]:
    """Good arrays, some of them replaced; None leaves one out."""
    good = {
        "x_train": RNG.normal(size=(6, 4)),
        "y_train": np.array([0, 1, 2, 0, 1, 2]),
        "x_test": RNG.normal(size=(3, 4)),
        "y_test": np.array([0, 1, 2]),
    }
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def load(tmp_path: Path, classification: bool = True, **changes: Any) -> Dataset:
    path = tmp_path / "data.npz"
    np.savez(path, **arrays(**changes))
    return datasets.load(str(path), classification)


def problem(tmp_path: Path, classification: bool = True, **changes: Any) -> DataProblem:
    with pytest.raises(DataProblem) as caught:
        load(tmp_path, classification, **changes)
    assert_one_sentence(caught.value)
    return caught.value


def assert_one_sentence(found: DataProblem) -> None:
    for lang in ("en", "ko"):
        sentence = found.sentence(lang)
        assert found.path in sentence
        assert "\n" not in sentence


def test_floats_are_taken_as_they_are(tmp_path: Path) -> None:
    given_arrays = arrays()
    np.savez(tmp_path / "data.npz", **given_arrays)
    loaded = datasets.load(str(tmp_path / "data.npz"))
    np.testing.assert_array_equal(loaded.x_train, given_arrays["x_train"])
    assert loaded.y_train.dtype == np.int32
    assert (loaded.inputs, loaded.outputs) == (4, 3)


def scaled(loaded: Dataset) -> np.ndarray:
    """What a network sees: bytes mean x / 255."""
    x = loaded.x_train
    return x / 255 if x.dtype == np.uint8 else x


@pytest.mark.parametrize(
    ("dtype", "high", "wanted"),
    [
        ("uint8", 255, 1),
        ("int64", 255, 1),
        ("uint16", 65_535, 1),
        ("int32", 65_535, 1),
        ("uint8", 51, 0.2),
        ("int64", 1_000_000, 1),
    ],
)
def test_integer_images_are_scaled_to_one(tmp_path: Path, dtype: str, high: int, wanted) -> None:
    x = np.array([[0, high]] * 3, dtype)
    loaded = load(tmp_path, x_train=x, y_train=np.array([0, 1, 2]), x_test=x)
    np.testing.assert_allclose(scaled(loaded), [[0, wanted]] * 3, rtol=1e-6)


def test_training_and_test_images_are_scaled_alike(tmp_path: Path) -> None:
    """A bug to keep out: one divisor for each part would show the network two worlds."""
    x_train = np.array([[0, 1_000_000]] * 3)
    x_test = np.array([[0, 500_000]] * 3)
    loaded = load(tmp_path, x_train=x_train, y_train=np.array([0, 1, 2]), x_test=x_test)
    assert loaded.x_test.max() == pytest.approx(0.5)


def test_images_are_flattened_and_keep_their_shape(tmp_path: Path) -> None:
    loaded = load(tmp_path, x_train=RNG.normal(size=(6, 2, 3)), x_test=RNG.normal(size=(3, 2, 3)))
    assert loaded.x_train.shape == (6, 6)
    assert loaded.image_shape == (2, 3)


@pytest.mark.parametrize(
    "y",
    [
        np.array([[0], [1], [2], [0], [1], [2]]),
        np.array([0.0, 1, 2, 0, 1, 2]),
        np.array([0, 1, 2, 0, 1, 2], np.uint8),
    ],
)
def test_labels_in_other_clothes(tmp_path: Path, y: np.ndarray) -> None:
    loaded = load(tmp_path, y_train=y)
    assert loaded.y_train.tolist() == [0, 1, 2, 0, 1, 2]


@pytest.mark.parametrize("y", [np.arange(6.0), np.arange(6.0)[:, None], np.arange(6)])
def test_regression_targets_become_columns(tmp_path: Path, y: np.ndarray) -> None:
    loaded = load(tmp_path, False, y_train=y, y_test=y[:3])
    assert loaded.y_train.tolist() == np.arange(6.0)[:, None].tolist()
    assert (loaded.outputs, loaded.has_classes) == (1, False)


x, y = RNG.normal(size=(6, 4)), np.array([0, 1, 2, 0, 1, 2])
with_nan = np.where(np.arange(24).reshape(6, 4) == 13, np.nan, x)
WRONG = {
    "lacks an array": ({"y_test": None}, "wrong_names", {"missing": "y_test"}),
    "text": ({"x_train": np.array([["a"] * 4] * 6)}, "wrong_dtype", {"name": "x_train"}),
    "complex": ({"x_test": np.ones((3, 4), complex)}, "wrong_dtype", {"name": "x_test"}),
    "booleans": ({"y_train": y > 0}, "wrong_dtype", {"name": "y_train"}),
    "objects": (
        {"y_train": np.array([0, 1, 2, "a", {}, 2], object)},
        "object_array",
        {"name": "y_train"},
    ),
    "one axis": ({"x_train": np.arange(6.0)}, "inputs_shape", {"name": "x_train"}),
    "one-hot labels": ({"y_train": np.eye(3)[y]}, "one_hot", {"name": "y_train"}),
    "too few labels": ({"y_train": y[:5]}, "wrong_rows", {"part": "train", "rows": 6, "labels": 5}),
    "too many test labels": ({"y_test": y}, "wrong_rows", {"part": "test", "rows": 3}),
    "other inputs in test": ({"x_test": np.ones((3, 5))}, "shapes_differ", {"train": 4, "test": 5}),
    "no samples": (
        {"x_train": np.ones((0, 4)), "y_train": y[:0]},
        "no_samples",
        {"name": "x_train"},
    ),
    "no labels": ({"y_test": y[:0]}, "no_samples", {"name": "y_test"}),
    "negative label": ({"y_train": y - 1}, "labels_out_of_range", {"low": -1, "high": 1}),
    "huge label": ({"y_train": y + 10**9}, "labels_out_of_range", {"high": 10**9 + 2}),
    "fractional label": ({"y_train": y + 0.5}, "wrong_dtype", {"name": "y_train"}),
    "NaN label": ({"y_train": np.where(y == 2, np.nan, y)}, "not_finite", {"row": 2}),
    "NaN pixel": ({"x_train": with_nan}, "not_finite", {"name": "x_train", "row": 3}),
    "infinite pixel": ({"x_test": np.full((3, 4), np.inf)}, "not_finite", {"name": "x_test"}),
    "one class": ({"y_train": y * 0, "y_test": y[:3] * 0}, "one_class", {}),
    "test label unknown": (
        {"y_test": np.array([0, 1, 3])},
        "test_label_unknown",
        {"high": 3, "most": 2},
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_cannot_be_used_is_one_sentence(tmp_path: Path, what: str) -> None:
    changes, reason, facts = WRONG[what]
    found = problem(tmp_path, **changes)
    assert found.reason == reason
    assert found.path == str(tmp_path / "data.npz")
    assert {key: found.facts[key] for key in facts} == facts


@pytest.mark.parametrize(
    ("targets", "reason"),
    [
        (np.full(6, np.nan), "not_finite"),
        (np.ones((6, 2, 2)), "targets_shape"),
        (np.array(["a"] * 6), "wrong_dtype"),
    ],
)
def test_regression_targets_that_cannot_be(tmp_path: Path, targets, reason: str) -> None:
    assert problem(tmp_path, False, y_train=targets).reason == reason


def of_bytes(tmp_path: Path, raw: bytes, name: str = "data.npz") -> DataProblem:
    path = tmp_path / name
    path.write_bytes(raw)
    with pytest.raises(DataProblem) as caught:
        datasets.load(str(path))
    assert_one_sentence(caught.value)
    return caught.value


def packed() -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **arrays())
    return file.getvalue()


def test_files_that_are_no_npz(tmp_path: Path) -> None:
    file = io.BytesIO()
    np.save(file, np.arange(3))
    assert of_bytes(tmp_path, file.getvalue()).reason == "npy"
    assert of_bytes(tmp_path, b"x,y\n1,2\n").reason == "no_npz"
    assert of_bytes(tmp_path, b"").reason == "empty"
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("notes.txt", "no arrays")
    assert of_bytes(tmp_path, archive.getvalue()).reason == "wrong_names"


@given(at=st.floats(0, 0.999), bit=st.integers(0, 7), cut=st.booleans())
def test_a_damaged_file_is_a_sentence_or_still_good(tmp_path_factory, at, bit, cut) -> None:
    """Whatever byte is changed or wherever it is cut off: never another exception."""
    raw = bytearray(packed())
    place = int(at * len(raw))
    if cut:
        raw = raw[:place]
    else:
        raw[place] ^= 1 << bit
    path = tmp_path_factory.mktemp("npz") / "data.npz"
    path.write_bytes(raw)
    try:
        loaded = datasets.load(str(path))
    except DataProblem as found:
        assert_one_sentence(found)
    else:
        assert not cut
        assert loaded.x_train.shape == (6, 4)


@given(
    x=hnp.arrays(
        st.sampled_from([np.uint8, np.int16, np.uint16, np.int64, np.float32]),
        st.tuples(st.integers(2, 5), st.integers(1, 4)),
    )
)
def test_whatever_numbers_come_in_finite_ones_go_out(tmp_path_factory, x: np.ndarray) -> None:
    path = tmp_path_factory.mktemp("npz") / "data.npz"
    labels = np.arange(len(x)) % 2
    np.savez(path, x_train=x, y_train=labels, x_test=x, y_test=labels)
    try:
        loaded = datasets.load(str(path))
    except DataProblem as found:
        assert found.reason == "not_finite"
        assert not np.isfinite(x).all()
    else:
        assert np.isfinite(loaded.x_train).all()
        if x.dtype.kind != "f":
            assert np.abs(scaled(loaded)).max() <= 1


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    for name, reason in (("none.npz", "missing"), (".", "no_file")):
        with pytest.raises(DataProblem) as caught:
            datasets.load(str(tmp_path / name))
        assert caught.value.reason == reason


def test_a_name_that_is_neither(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataProblem) as caught:
        datasets.load("mnits")
    assert caught.value.reason == "unknown_kind"
    assert "mnist" in str(caught.value)


def test_same_contents_same_fingerprint(tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(raw := packed())
    (tmp_path / "b.npz").write_bytes(raw)
    one, two = (datasets.load(str(tmp_path / name)) for name in ("a.npz", "b.npz"))
    assert one.fingerprint == two.fingerprint
    assert one.fingerprint != load(tmp_path).fingerprint


def header(shape: str, descr: str = "'<f4'") -> bytes:
    """An array's header by hand, whatever it says."""
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


@pytest.mark.parametrize(
    "made",
    [
        *map(
            header, ("(10**15, 4)", "(1000000000000000, 4)", "(-1, 4)", "(10,", "('a',)", "(1.5,)")
        ),
        header("(9223372036854775807, 9223372036854775807)"),
        header("(" * 100),
        header("(6, 4)", "'garbage'"),
        header("(6, 4)", "'|O'"),
        header("(6, 4)", "('<f4', (1000000000,))"),
        header("(6, 4)", "__import__('os').getcwd()"),
        b"\x93NUMPY\x09\x00",
        b"",
    ],
)
def test_a_header_that_lies_is_a_sentence(tmp_path: Path, made: bytes) -> None:
    good = arrays()
    with zipfile.ZipFile(tmp_path / "data.npz", "w") as file:
        for name, array in good.items():
            whole = io.BytesIO()
            np.save(whole, array)
            content = made + bytes(160) if name == "x_train" else whole.getvalue()
            file.writestr(f"{name}.npy", content)
    with pytest.raises(DataProblem) as caught:
        datasets.load(str(tmp_path / "data.npz"))
    assert_one_sentence(caught.value)
    assert caught.value.reason in ("larger_than_file", "object_array", "wrong_array")


def test_what_does_not_fit_is_refused_with_the_numbers(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("gradgauge.datasets.npz.free_memory", lambda: 100.0)
    found = problem(tmp_path)
    assert (found.reason, found.facts["name"]) == ("too_large", "x_train")


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "pipe.npz")
    with pytest.raises(DataProblem) as caught:
        datasets.load(str(tmp_path / "pipe.npz"))
    assert caught.value.reason == "no_file"
