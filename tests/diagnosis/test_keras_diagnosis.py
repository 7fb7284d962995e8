"""diagnose on compiled Keras models: what it finds, what it leaves behind, what it refuses."""

from __future__ import annotations

import random
from typing import Any, cast

import keras
import numpy as np
import pytest

from gradgauge.diagnosis.diagnose import diagnose
from gradgauge.diagnosis.errors import CannotDiagnose
from tests.diagnosis.made import inputs, labels

X, Y = inputs(), labels()


def model(depth: int = 2, activation: str = "relu", rate: float = 1e-2, **compiled) -> keras.Model:
    keras.utils.set_random_seed(3)
    hidden = [keras.layers.Dense(16, activation, name=f"h{i + 1}") for i in range(depth)]
    made = keras.Sequential(
        [keras.Input((10,)), *hidden, keras.layers.Dense(4, "softmax", name="out")]
    )
    made.compile(
        keras.optimizers.Adam(rate), **{"loss": "sparse_categorical_crossentropy", **compiled}
    )
    return made


def everything(made: keras.Model) -> list[np.ndarray]:
    return [np.array(v) for v in (*made.variables, *made.optimizer.variables)]


def same(a: list[np.ndarray], b: list[np.ndarray]) -> bool:
    return len(a) == len(b) and all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def test_a_healthy_training():
    diagnosis = diagnose(model(), X, Y, epochs=10)
    assert diagnosis.healthy, diagnosis
    assert diagnosis.verdict == "learned"
    assert diagnosis.steps == 70
    assert diagnosis.run is not None
    assert diagnosis.run.probes["delta_norm"].shape[2] == 3


def test_the_textbook_sigmoid_shows_at_step_0():
    diagnosis = diagnose(model(10, "sigmoid", 1e-3), X, Y, epochs=3)
    assert diagnosis.primary is not None
    assert (diagnosis.primary.rule, diagnosis.primary.layer, diagnosis.primary.step) == (
        "vanishing-gradient",
        "h1",
        0,
    )


def test_a_rate_too_high_and_the_nan_behind_it():
    made = model()
    made.compile(keras.optimizers.SGD(1e4), "mse")
    diagnosis = diagnose(made, X, np.eye(4)[Y], epochs=3)
    assert diagnosis.primary is not None
    assert diagnosis.primary.rule == "learning-rate-too-high"


def test_everything_is_put_back():
    made = model()
    made.fit(X, Y, epochs=1, verbose=0)
    before, history, optimizer = everything(made), made.history, made.optimizer
    random.seed(5)
    np.random.seed(5)  # noqa: NPY002
    states = random.getstate(), np.random.get_state()[1].copy()  # noqa: NPY002
    diagnose(made, X, Y, epochs=2)
    assert same(before, everything(made))
    assert made.history is history
    assert made.optimizer is optimizer
    assert random.getstate() == states[0]
    assert np.array_equal(np.random.get_state()[1], states[1])  # noqa: NPY002


def test_an_unbuilt_optimizer_stays_unbuilt():
    made = model()
    diagnose(made, X, Y, epochs=1)
    assert not made.optimizer.built


def test_the_users_own_exception_comes_through_and_all_is_put_back():
    class Stumbles(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            del logs
            if batch == 3:
                raise ZeroDivisionError("mine")

    made = model()
    before = everything(made)
    with pytest.raises(ZeroDivisionError, match="mine"):
        diagnose(made, X, Y, epochs=2, callbacks=[Stumbles()])
    assert same(before, everything(made))


def test_a_model_trains_on_as_if_nothing_had_been():
    """The same training with and without a diagnosis before it, bit for bit. Keras itself draws
    one shuffle more in a model's first `fit`, so both have had one."""
    plain, asked = model(), model()
    for made in (plain, asked):
        keras.utils.set_random_seed(10)
        made.fit(X, Y, epochs=1, verbose=0)
    diagnose(asked, X, Y, epochs=1)
    for made in (plain, asked):
        keras.utils.set_random_seed(11)
        made.fit(X, Y, epochs=2, verbose=0)
    assert same(plain.get_weights(), asked.get_weights())


def test_what_it_refuses_in_one_sentence():
    bare = keras.Sequential([keras.Input((10,)), keras.layers.Dense(4)])
    frozen = model()
    frozen.trainable = False
    for made, x, y, reason in (
        (bare, X, Y, "not_compiled"),
        (frozen, X, Y, "nothing_trainable"),
        (model(), X[:, :5], Y, "wrong_input_shape"),
        (model(), X, Y[:10], "wrong_rows"),
        (model(), None, None, "no_data"),
        (model(), (b for b in [(X, Y)]), None, "generator"),
    ):
        with pytest.raises(CannotDiagnose) as caught:
            diagnose(made, x, y)
        assert caught.value.reason == reason
        for lang in ("en", "ko"):
            assert "\n" not in caught.value.sentence(lang)
    with pytest.raises(CannotDiagnose):
        diagnose(cast("Any", 42))


def test_batches_that_can_be_gone_through_again():
    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return 5

        def __getitem__(self, i):
            return X[40 * i : 40 * i + 40], Y[40 * i : 40 * i + 40]

    assert diagnose(model(), Batches(), epochs=8).healthy


def test_seconds_end_the_training_and_what_they_cut_is_said():
    result = diagnose(model(), X, Y, epochs=10_000, budget="0.2s")
    assert result.steps < 3_000
    assert result.spent.cut_training
    assert result.to_json()["cut"]["training"]


def test_frozen_on_purpose_and_by_mistake():
    mistaken = model(3)
    mistaken.get_layer("h2").trainable = False
    mistaken.compile(keras.optimizers.Adam(1e-2), "sparse_categorical_crossentropy")
    diagnosis = diagnose(mistaken, X, Y, epochs=6)
    assert diagnosis.primary is not None
    assert (diagnosis.primary.rule, diagnosis.primary.layer) == ("unreached-layer", "h2")
    tuned = model(3)
    tuned.fit(X, Y, epochs=5, verbose=0)
    for name in ("h1", "h2", "h3"):
        tuned.get_layer(name).trainable = False
    tuned.compile(keras.optimizers.Adam(1e-2), "sparse_categorical_crossentropy")
    assert diagnose(tuned, X, Y, epochs=3).healthy


def test_data_sorted_by_class_and_a_label_out_of_range_at_the_end():
    rng = np.random.default_rng(0)
    y = np.sort(rng.integers(0, 4, 2_400))
    x = (np.eye(4)[y] @ rng.normal(size=(4, 10)) * 2 + rng.normal(size=(2_400, 10))).astype(
        np.float32
    )
    assert diagnose(model(), x, y, epochs=2).healthy
    y[-1] = 4
    primary = diagnose(model(), x, y, epochs=1).primary
    assert primary is not None
    assert primary.case == "labels_out_of_range"
