"""What functions may return, what data may be, and the score."""

from __future__ import annotations

import numpy as np
import optax
import pytest
import torch
from torch import nn

from gradgauge.own.data import given_data, named_data, own_data
from gradgauge.own.errors import OwnProblem
from gradgauge.own.loading import ModelProblem, find_function
from gradgauge.own.made import made_of
from gradgauge.own.score import accuracy, explained_variance, has_classes, loss_kind
from tests.own.functions import Named, make_jax, make_keras, make_pytorch, points


def test_a_tuple_in_any_order_a_mapping_or_an_object():
    optimizer, model, loss = make_pytorch()
    for returned in (
        (model, loss, optimizer),
        [optimizer, model, loss],
        {"module": model, "loss_fn": loss, "optim": optimizer},
    ):
        made = made_of(returned, "f")
        assert (made.framework, made.model, made.loss, made.optimizer) == (
            "pytorch",
            model,
            loss,
            optimizer,
        )
    assert made_of(Named(), "f").framework == "pytorch"
    loss, params, predict, optimizer = make_jax(0)
    made = made_of({"loss": loss, "params": params, "lr": 0.5}, "f")
    assert (made.framework, made.model, made.learning_rate) == ("jax", params, 0.5)
    made = made_of((loss, params, optax.adam(1e-3), predict), "f")
    assert made.predict is predict and made.optimizer is not None
    assert made_of((make_keras(),), "f").framework == "keras"


@pytest.mark.parametrize(
    ("returned", "reason"),
    [
        (None, "unknown_kind"),
        (3, "unknown_kind"),
        (lambda: nn.Linear(2, 2), "pytorch_needs"),
        (lambda: (nn.Linear(2, 2), nn.MSELoss()), "pytorch_needs"),
        (lambda: (nn.Linear(2, 2), nn.MSELoss(), nn.MSELoss(), 3), "unknown_kind"),
        ({"loss": abs}, "unknown_kind"),
    ],
)
def test_what_is_no_network_is_one_sentence(returned, reason):
    with pytest.raises(OwnProblem) as caught:
        made_of(returned() if callable(returned) else returned, "make_it")
    assert caught.value.reason == reason
    assert "make_it" in caught.value.sentence("en") and "make_it" in caught.value.sentence("ko")


def test_a_fifth_is_held_out_and_the_rest_keeps_its_order():
    x, y = points()
    data = given_data(x, y)
    assert (data.samples, len(data.test_y)) == (192, 48)
    together = np.concatenate([data.x, data.test_x])
    assert np.array_equal(np.sort(together, axis=0), np.sort(x, axis=0))
    assert data.classes and data.as_dataset().outputs == 3


def test_trees_tokens_and_bytes_are_taken_as_they_are():
    tokens = np.arange(20).reshape(10, 2)
    data = given_data({"tokens": tokens, "mask": np.ones((10, 2))}, np.arange(10) % 2)
    assert data.x["tokens"].dtype == tokens.dtype and data.x["mask"].dtype == np.float32
    pixels = given_data(np.full((10, 4), 7, np.uint8), np.arange(10) % 2)
    assert pixels.x.max() == 7 and pixels.for_notations().x_train.max() == 7


def test_wrong_data_is_one_sentence():
    x, y = points()
    for arguments, reason in (
        ((x, y[:-1]), "wrong_rows"),
        ((x[:0], y[:0]), "no_samples"),
        ((x, [object()] * len(x)), "no_array"),
        ((x[:1], y[:1]), "too_few"),
    ):
        with pytest.raises(OwnProblem) as caught:
            given_data(*arguments)
        assert caught.value.reason == reason


def test_files_and_functions(tmp_path, monkeypatch):
    x, y = points()
    np.savez(tmp_path / "two.npz", x=x, y=y)
    np.savez(tmp_path / "four.npz", x_train=x, y_train=y, x_test=x[:9], y_test=y[:9])
    (tmp_path / "functions_of_data.py").write_text(
        "import numpy as np\n"
        "def pair():\n    return np.ones((10, 3)), np.arange(10) % 2\n"
        "def keras_like():\n    return pair(), pair()\n"
        "def three():\n    return 1, 2, 3\n",
        encoding="utf-8",
    )
    monkeypatch.chdir(tmp_path)
    assert named_data("two.npz").samples == 192
    assert len(named_data("four.npz").test_y) == 9
    assert named_data("functions_of_data.py:pair").samples == 8
    assert named_data("functions_of_data:keras_like").samples == 10
    with pytest.raises(OwnProblem, match="3 values"):
        named_data("functions_of_data.py:three")
    for name in ("functions_of_data.py:nothing", "nowhere.py:pair", "nowhere:pair"):
        with pytest.raises(ModelProblem):
            find_function(name)


def test_images_have_all_forms(blobs):
    from dataclasses import replace

    images = own_data(replace(blobs, image_shape=(3, 4)))
    assert set(images.shapes) == {(3, 4), (12,), (1, 3, 4), (3, 4, 1)}
    assert images.shaped((3, 4, 1)).test_x.shape[1:] == (3, 4, 1)


def test_accuracy_against_counting():
    rng = np.random.default_rng(0)
    logits, y = rng.normal(size=(50, 4)), rng.integers(0, 4, 50)
    right = sum(int(np.argmax(row) == label) for row, label in zip(logits, y, strict=True))
    assert accuracy(logits, y) == right / 50
    assert accuracy(logits, np.eye(4)[y]) == right / 50
    assert accuracy(logits, y[:, None]) == right / 50
    sequence, tokens = rng.normal(size=(5, 7, 4)), rng.integers(0, 4, (5, 7))
    expected = np.mean(sequence.argmax(-1) == tokens)
    assert accuracy(sequence, tokens) == expected
    assert accuracy(sequence.transpose(0, 2, 1), tokens) == expected
    one = rng.normal(size=(50, 1))
    assert accuracy(one, y % 2) == np.mean((one[:, 0] > 0) == (y % 2))
    chances = 1 / (1 + np.exp(-one))
    assert accuracy(chances, y % 2) == np.mean((one[:, 0] > 0) == (y % 2))
    assert np.isnan(accuracy(rng.normal(size=(50, 4, 3, 2)), y))


def test_explained_variance_against_its_definition():
    rng = np.random.default_rng(0)
    y = rng.normal(size=(200, 2))
    assert explained_variance(y, y) == 1
    assert explained_variance(np.tile(y.mean(axis=0), (200, 1)), y) == pytest.approx(0)
    error = explained_variance(y + 1, y)
    assert error == pytest.approx(1 - 2 / y.var(axis=0).sum())
    assert np.isnan(explained_variance(y[:, :1], y))


def test_losses_are_known_by_their_names():
    assert loss_kind(nn.CrossEntropyLoss()) == loss_kind(nn.functional.cross_entropy)
    assert loss_kind("sparse_categorical_crossentropy") == "cross_entropy"
    assert loss_kind(nn.BCEWithLogitsLoss()) == "binary" == loss_kind("binary_crossentropy")
    assert loss_kind(torch.nn.functional.mse_loss) == "mse" == loss_kind("mse")
    assert loss_kind(abs) == ""
    assert has_classes(np.array([0, 2, 1])) and not has_classes(np.array([0, 2, 1]), "mse")
    assert has_classes(np.array([0.0, 1.0]), "binary") and not has_classes(np.array([0.0, 1.0]))
