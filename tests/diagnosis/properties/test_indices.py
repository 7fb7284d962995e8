"""Indices beyond their table, in PyTorch, JAX and Keras, and what only looks like them."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import gradgauge
from gradgauge.diagnosis.finding import Diagnosis

WORDS, CLASSES, LENGTH = 20, 4, 6


def words(rows: int = 192, most: int = WORDS) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    ids = rng.integers(0, most, (rows, LENGTH))
    return ids, ids[:, 0] % CLASSES


def named(result: Diagnosis) -> list[str]:
    return [f.case for f in result.findings if f.rule == "index-out-of-range"]


# -- PyTorch


class Reader(nn.Module):
    def __init__(self, entries: int, places: int = LENGTH, padding: int | None = None):
        super().__init__()
        torch.manual_seed(0)
        self.table = nn.Embedding(entries, 16, padding_idx=padding)
        self.places = nn.Embedding(places, 16)
        self.out = nn.Linear(16 * LENGTH, CLASSES)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        at = torch.arange(ids.shape[1])
        return self.out((self.table(ids) + self.places(at)).flatten(1))


def by_torch(model: nn.Module, ids: np.ndarray, y: np.ndarray, **options: Any) -> Diagnosis:
    data = TensorDataset(torch.as_tensor(ids), torch.as_tensor(y))
    loader = DataLoader(data, batch_size=32, shuffle=options.pop("shuffle", True))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    loss = options.pop("loss", nn.CrossEntropyLoss())
    return gradgauge.diagnose(model, loss, optimizer, loader, epochs=6, **options)


def test_words_that_fit_are_healthy() -> None:
    result = by_torch(Reader(WORDS), *words())
    assert result.healthy, result
    assert "index-out-of-range" in result.clean


def test_padding_by_the_last_entry_is_healthy() -> None:
    ids, y = words()
    ids[:, 4:] = WORDS
    assert by_torch(Reader(WORDS + 1, padding=WORDS), ids, y).healthy


def test_words_beyond_the_embedding_are_named_instead_of_an_index_error() -> None:
    result = by_torch(Reader(WORDS - 1), *words())
    assert result.primary is not None
    assert (result.primary.rule, result.primary.layer) == ("index-out-of-range", "table")
    assert result.primary.facts["size"] == WORDS - 1
    for lang in ("en", "ko"):
        assert str(WORDS - 1) in result.primary.sentence(lang)


def test_a_word_that_comes_late_in_the_epoch_is_found() -> None:
    ids, y = words()
    ids[-1, 2] = WORDS
    result = by_torch(Reader(WORDS), ids, y, shuffle=False)
    assert named(result) == ["inputs"]


def test_positions_beyond_their_table_are_found() -> None:
    result = by_torch(Reader(WORDS, places=LENGTH - 2), *words())
    assert result.primary is not None
    assert (result.primary.rule, result.primary.layer) == ("index-out-of-range", "places")


def test_labels_beyond_the_classes_are_the_losss_finding() -> None:
    ids, y = words()
    result = by_torch(Reader(WORDS), ids, y + 1)
    assert result.primary is not None
    assert (result.primary.rule, result.primary.case) == ("loss-mismatch", "labels_out_of_range")
    assert named(result) == []


@pytest.mark.parametrize("ignored", [-100, 255])
def test_labels_that_the_loss_ignores_are_healthy(ignored: int) -> None:
    ids, y = words()
    y = np.where(np.arange(len(y)) % 5 == 0, ignored, y)
    result = by_torch(Reader(WORDS), ids, y, loss=nn.CrossEntropyLoss(ignore_index=ignored))
    assert named(result) == []
    assert result.healthy, result


# -- JAX


def by_jax(loss: Any, ids: np.ndarray, y: np.ndarray, entries: int = WORDS) -> Diagnosis:
    rng = np.random.default_rng(0)
    params = {
        "table": rng.normal(size=(entries, 16)).astype(np.float32),
        "out": rng.normal(size=(16, CLASSES)).astype(np.float32) / 4,
    }
    return gradgauge.diagnose(loss, params, ids, y, learning_rate=0.5, epochs=6)


def mean_loss(params: Any, ids: Any, y: Any) -> Any:
    logits = params["table"][ids[:, 0]] @ params["out"]
    return -jnp.take_along_axis(jax.nn.log_softmax(logits), y[:, None], 1).mean()


def masked_loss(params: Any, ids: Any, y: Any) -> Any:
    logits = params["table"][ids[:, 0]] @ params["out"]
    each = jnp.take_along_axis(jax.nn.log_softmax(logits), y[:, None], 1, mode="clip")[:, 0]
    return -jnp.where(y < CLASSES, each, 0.0).mean()


def one_hot_loss(params: Any, ids: Any, y: Any) -> Any:
    hidden = jax.nn.one_hot(ids[:, 0], WORDS) @ params["table"]
    return -(jax.nn.one_hot(y, CLASSES) * jax.nn.log_softmax(hidden @ params["out"])).mean()


def test_jax_indices_that_fit_are_healthy() -> None:
    for loss in (mean_loss, one_hot_loss):
        assert named(by_jax(loss, *words())) == []


def test_jax_words_that_are_moved_to_the_edge_are_found() -> None:
    assert named(by_jax(mean_loss, *words(), entries=WORDS - 5)) == ["inputs"]


def test_jax_labels_beyond_the_classes_are_found() -> None:
    ids, y = words()
    assert named(by_jax(mean_loss, ids, y + 1)) == ["targets"]


def test_jax_labels_that_are_masked_afterwards_are_healthy() -> None:
    ids, y = words()
    y = np.where(np.arange(len(y)) % 5 == 0, 255, y)
    assert named(by_jax(masked_loss, ids, y)) == []


def test_negative_jax_indices_count_from_the_end_as_numpys_do() -> None:
    ids, y = words()
    assert named(by_jax(mean_loss, np.where(ids == 3, -1, ids), y)) == []


# -- Keras


def by_keras(entries: int, ids: np.ndarray, y: np.ndarray) -> Diagnosis:
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.layers.Input((LENGTH,), dtype="int32"),
            keras.layers.Embedding(entries, 16, name="table"),
            keras.layers.Flatten(),
            keras.layers.Dense(CLASSES, activation="softmax"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy")
    return gradgauge.diagnose(model, ids, y, epochs=6, verbose=0)


def test_keras_words_that_fit_are_healthy() -> None:
    result = by_keras(WORDS, *words())
    assert named(result) == []
    assert result.healthy, result


def test_keras_words_beyond_the_embedding_are_found() -> None:
    result = by_keras(WORDS - 1, *words())
    assert result.primary is not None
    assert (result.primary.rule, result.primary.layer) == ("index-out-of-range", "table")
