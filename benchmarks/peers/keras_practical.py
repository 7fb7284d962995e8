"""The practical in Keras: ReLU and sigmoid, as a student writes it. KERAS_BACKEND chooses."""

import sys

import keras

from gradgauge.datasets import load

data = load("mnist")
x_train = data.x_train.reshape(-1, 28, 28).astype("float32") / 255
x_test = data.x_test.reshape(-1, 28, 28).astype("float32") / 255
seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
keras.utils.set_random_seed(seed)
for activation in ("relu", "sigmoid"):
    layers = [keras.layers.Dense(64, activation=activation) for _ in range(10)]
    model = keras.Sequential(
        [
            keras.Input((28, 28)),
            keras.layers.Flatten(),
            *layers,
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x_train, data.y_train, epochs=5, batch_size=400, verbose=0)
    print(activation, model.evaluate(x_test, data.y_test, verbose=0)[1])
