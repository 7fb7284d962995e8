"""Watch a Keras training run: it takes one more line."""

import keras
import numpy as np

import gradgauge as gg

x = np.random.default_rng(0).normal(size=(512, 20)).astype("float32")
y = (x.sum(axis=1) > 0).astype("int32")

layers = [keras.layers.Dense(32, activation="sigmoid") for _ in range(6)]
model = keras.Sequential([keras.Input((20,)), *layers, keras.layers.Dense(2)])
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
model.compile("adam", loss, metrics=["accuracy"])

watcher = gg.watch(model)
model.fit(x, y, epochs=2, verbose=0, callbacks=[watcher])

first = watcher.run.values("probes", "backward_gain")[0, 0]
print("backward gain by layer at the start:", np.round(first, 3))
