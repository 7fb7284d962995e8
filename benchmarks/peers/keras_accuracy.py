"""Test accuracies of the practical's networks in Keras, as JSON. Arguments: network seeds."""

import json
import sys

import keras

from gradgauge.datasets import load

NETWORKS = {
    "relu": ["relu"] * 10,
    "sigmoid": ["sigmoid"] * 10,
    "mix": ["sigmoid"] * 9 + ["relu"],
}

name, seeds = sys.argv[1], int(sys.argv[2])
data = load("mnist")
x_train, x_test = data.x_train / 255.0, data.x_test / 255.0
accuracies = []
for seed in range(seeds):
    keras.utils.set_random_seed(seed)
    hidden = [keras.layers.Dense(64, activation=a) for a in NETWORKS[name]]
    output = keras.layers.Dense(10, activation="softmax")
    model = keras.Sequential([keras.Input((784,)), *hidden, output])
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x_train, data.y_train, epochs=5, batch_size=400, verbose=0)
    accuracies.append(model.evaluate(x_test, data.y_test, verbose=0)[1])
    print(name, seed, accuracies[-1], file=sys.stderr, flush=True)
print(json.dumps(accuracies))
