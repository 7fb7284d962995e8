"""MNIST as shipped, and what is said when its files are not."""

from __future__ import annotations

import gzip
import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest

from gradgauge import datasets
from gradgauge.datasets import mnist
from gradgauge.errors import DataProblem

TRAIN_IMAGES = "train-images-idx3-ubyte.gz"
FILES = (
    TRAIN_IMAGES,
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)


@pytest.fixture(scope="module")
def loaded() -> datasets.Dataset:
    return datasets.load("mnist")


def test_shapes_and_types(loaded: datasets.Dataset) -> None:
    assert loaded.x_train.shape == (60_000, 784)
    assert loaded.x_test.shape == (10_000, 784)
    assert loaded.y_train.shape == (60_000,)
    assert loaded.y_test.shape == (10_000,)
    assert loaded.x_train.dtype == np.uint8
    assert (loaded.inputs, loaded.outputs, loaded.image_shape) == (784, 10, (28, 28))
    assert loaded.has_classes


def test_published_facts(loaded: datasets.Dataset) -> None:
    """Mean .1307 and deviation .3081 of the training pixels, as every tutorial normalizes by; the
    classes' counts and the first labels, as on LeCun's page and in keras.datasets."""
    pixels = loaded.x_train / np.float32(255)
    assert pixels.mean(dtype=np.float64) == pytest.approx(0.1307, abs=5e-5)
    assert pixels.std(dtype=np.float64) == pytest.approx(0.3081, abs=5e-5)
    assert np.bincount(loaded.y_train).tolist() == [
        5923,
        6742,
        5958,
        6131,
        5842,
        5421,
        5918,
        6265,
        5851,
        5949,
    ]
    assert np.bincount(loaded.y_test).tolist() == [
        980,
        1135,
        1032,
        1010,
        982,
        892,
        958,
        1028,
        974,
        1009,
    ]
    assert loaded.y_train[:5].tolist() == [5, 0, 4, 1, 9]
    assert loaded.y_test[:5].tolist() == [7, 2, 1, 0, 4]


def test_the_fingerprint_is_of_the_contents(loaded: datasets.Dataset) -> None:
    assert len(loaded.fingerprint) == 64
    assert loaded.fingerprint == mnist.load().fingerprint


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(mnist.FOLDER, tmp_path / "mnist"))


def problem(folder: Path) -> DataProblem:
    with pytest.raises(DataProblem) as caught:
        mnist.load(folder)
    for lang in ("en", "ko"):
        sentence = caught.value.sentence(lang)
        assert caught.value.path in sentence
        assert "\n" not in sentence
    return caught.value


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    found = problem(folder)
    assert (found.path, found.reason) == (str(folder / name), "missing")


@pytest.mark.parametrize("name", FILES)
def test_one_flipped_bit_is_noticed(folder: Path, name: str) -> None:
    path = folder / name
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
    assert problem(folder).reason == "corrupted"


def test_a_truncated_file_is_noticed(folder: Path) -> None:
    path = folder / FILES[1]
    path.write_bytes(path.read_bytes()[:-100])
    found = problem(folder)
    assert (found.path, found.reason) == (str(path), "corrupted")


def test_a_folder_in_place_of_a_file_is_one_sentence(folder: Path) -> None:
    path = folder / FILES[1]
    path.unlink()
    path.mkdir()
    assert problem(folder).reason == "unreadable"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda raw: gzip.compress(raw[:-10]),
        lambda raw: gzip.compress(raw + b"\0"),
        lambda raw: gzip.compress(b"\0\0\x09" + raw[3:]),
        lambda raw: gzip.compress(raw)[:-9],
        lambda raw: raw,
        lambda raw: gzip.compress(raw[:0]),
    ],
)
def test_a_file_of_the_right_digest_but_the_wrong_form(tmp_path: Path, monkeypatch, spoil) -> None:
    """Whoever packs other files: what idx or gzip finds wrong is one sentence, too."""
    raw = gzip.decompress((mnist.FOLDER / FILES[3]).read_bytes())
    packed = spoil(raw)
    (tmp_path / "labels.gz").write_bytes(packed)
    digest = hashlib.sha256(packed).hexdigest()
    monkeypatch.setattr(mnist, "_FILES", {"y_test": ("labels.gz", digest)})
    assert problem(tmp_path).reason == "truncated"


def test_idx_by_hand() -> None:
    """The format's own example: type 8 (bytes), two axes of 2 and 3, big-endian."""
    raw = bytes([0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, *range(6)])
    assert mnist.read_idx(raw).tolist() == [[0, 1, 2], [3, 4, 5]]
