"""The exercise exactly as given, in Keras 3: ten hidden layers on MNIST, ReLU against sigmoid.

    python -m gradgauge.practical

It runs on the JAX backend unless KERAS_BACKEND names another (tensorflow, torch). The code below
needs only Keras and MNIST, so you can copy and change it.
"""

# pyright: reportArgumentType=false
# (Keras's own hints take `verbose` for text; it is 0, 1 or 2.)

from __future__ import annotations

import argparse
import os
import sys

if "keras" not in sys.modules:
    os.environ.setdefault("KERAS_BACKEND", "jax")  # Keras reads it once, when it is imported.

import keras
import numpy as np
from keras.layers import Dense, Flatten

from gradgauge import datasets
from gradgauge.errors import EXIT_WRONG_USE, GradgaugeError
from gradgauge.spec.checks import whole_number

BATCH_SIZE = 400


def make_model_relu() -> keras.Sequential:
    """Ten hidden layers of 64 ReLU units and a softmax over the ten digits."""
    model = keras.Sequential(name="relu")
    model.add(keras.Input((28, 28)))
    model.add(Flatten())
    for _ in range(10):
        model.add(Dense(64, activation="relu"))
    model.add(Dense(10, activation="softmax"))
    return model


def make_model_sig() -> keras.Sequential:
    """The same with nine sigmoid layers; its last hidden layer is ReLU, as in the exercise."""
    model = keras.Sequential(name="sigmoid")
    model.add(keras.Input((28, 28)))
    model.add(Flatten())
    for _ in range(9):
        model.add(Dense(64, activation="sigmoid"))
    model.add(Dense(64, activation="relu"))
    model.add(Dense(10, activation="softmax"))
    return model


def load_mnist() -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """MNIST in the form that Keras returns: ((x_train, y_train), (x_test, y_test)).

    Images are (samples, 28, 28) in float32, scaled to [0, 1]; labels are 0 to 9.

    Raises:
        DataProblem: a file of the package is missing or damaged.
    """
    mnist = datasets.load("mnist")
    x_train = mnist.x_train.reshape(-1, 28, 28).astype("float32") / 255
    x_test = mnist.x_test.reshape(-1, 28, 28).astype("float32") / 255
    return (x_train, mnist.y_train), (x_test, mnist.y_test)


def main(
    epochs: int = 5, samples: int | None = None
) -> tuple[keras.callbacks.History, keras.callbacks.History]:
    """Train both models under the same conditions, and print their structures and test accuracies.

    Args:
        epochs: passes over the training data.
        samples: number of images to train on, from the first; None: all 60,000.

    Returns:
        The histories of the ReLU and of the sigmoid model. `history.model` is the trained model.

    Raises:
        InvalidValue: `epochs` or `samples` is not a whole number of at least 1.
        DataProblem: a file of the package is missing or damaged.
    """
    whole_number("epochs", epochs, 1)
    if samples is not None:
        whole_number("samples", samples, 1)
    (x_train, y_train), (x_test, y_test) = load_mnist()
    x_train, y_train = x_train[:samples], y_train[:samples]

    model_relu = make_model_relu()
    model_sig = make_model_sig()
    for model in (model_relu, model_sig):
        model.compile(
            optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"]
        )
        model.summary()

    history_relu = model_relu.fit(x_train, y_train, epochs=epochs, batch_size=BATCH_SIZE, verbose=0)
    history_sig = model_sig.fit(x_train, y_train, epochs=epochs, batch_size=BATCH_SIZE, verbose=0)

    _, accuracy_relu = model_relu.evaluate(x_test, y_test, verbose=0)
    _, accuracy_sig = model_sig.evaluate(x_test, y_test, verbose=0)
    print("accuracy_relu:", accuracy_relu)
    print("accuracy_sig:", accuracy_sig)
    return history_relu, history_sig


def _command() -> None:
    parser = argparse.ArgumentParser(
        "python -m gradgauge.practical",
        description="Ten hidden layers on MNIST in plain Keras: ReLU against sigmoid.",
    )
    parser.add_argument("--epochs", type=int, default=5, help="passes over the data (5)")
    parser.add_argument(
        "--samples", type=int, help="number of images to train on, from the first (all)"
    )
    try:
        main(**vars(parser.parse_args()))
    except GradgaugeError as error:
        print("error:", error, file=sys.stderr)
        sys.exit(EXIT_WRONG_USE)


if __name__ == "__main__":
    _command()
