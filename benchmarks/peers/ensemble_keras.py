"""A loop over Keras models: prints networks a second. Arguments: depth width networks."""

import sys
import time

import keras

from gradgauge.datasets import load

depth, width, networks = map(int, sys.argv[1:4])
data = load("mnist")
x, y = data.x_train.astype("float32") / 255, data.y_train
x_test, y_test = data.x_test.astype("float32") / 255, data.y_test


def train(seed: int) -> None:
    keras.utils.set_random_seed(seed)
    hidden = [keras.layers.Dense(width, activation="relu") for _ in range(depth)]
    output = keras.layers.Dense(10, activation="softmax")
    model = keras.Sequential([keras.Input((784,)), *hidden, output])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=1, batch_size=400, verbose=0)
    model.evaluate(x_test, y_test, batch_size=2000, verbose=0)


train(0)
began = time.perf_counter()
for number in range(networks):
    train(number)
print(networks / (time.perf_counter() - began))
