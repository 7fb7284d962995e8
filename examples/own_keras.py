"""Compare your own networks in Keras: the exercise's two models, then a convolutional and a
recurrent one. Each function returns a compiled model; gradgauge calls it once per seed.

To do the same in a terminal, run

    gradgauge compare own_keras.py:make_model_relu own_keras.py:make_model_sig --data mnist
"""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras
from keras.layers import LSTM, Conv2D, Dense, Flatten, MaxPooling2D
from keras.models import Sequential

import gradgauge as gg


def make_model_relu():
    model = Sequential()
    model.add(Flatten())
    for _ in range(10):
        model.add(Dense(64, activation="relu"))
    model.add(Dense(10, activation="softmax"))
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def make_model_sig():
    model = Sequential()
    model.add(Flatten())
    for _ in range(9):
        model.add(Dense(64, activation="sigmoid"))
    model.add(Dense(64, activation="relu"))
    model.add(Dense(10, activation="softmax"))
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def make_convolutional():
    model = Sequential(
        [
            keras.Input((28, 28, 1)),
            Conv2D(8, 3, activation="relu"),
            MaxPooling2D(),
            Conv2D(16, 3, activation="relu"),
            MaxPooling2D(),
            Flatten(),
            Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def make_recurrent():
    model = Sequential([keras.Input((28, 28)), LSTM(32), Dense(10, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


if __name__ == "__main__":
    mnist = gg.load_dataset("mnist")
    epochs = 5
    if os.environ.get("GRADGAUGE_EXAMPLES") == "short":
        mnist, epochs = mnist.first(800, 200), 1
    exercise = gg.compare(make_model_relu, make_model_sig, dataset=mnist, epochs=epochs)
    gg.write_report(exercise, "exercise.html")
    others = gg.compare(make_convolutional, make_recurrent, dataset=mnist, epochs=epochs)
    gg.write_report(others, "others.html")
    for result in (exercise, others):
        for name in result.names:
            print(name, result.test_accuracy(name).mean, result.attenuation(name).decades)
