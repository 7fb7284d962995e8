"""All that is asked of the Keras watcher, on the backend in KERAS_BACKEND: one process each.

Prints one line of JSON: check -> what was found. `test_backends.py` says what it must be.
"""

from __future__ import annotations

import json
from typing import Any

import keras
import numpy as np

import gradgauge as gg
from gradgauge.watchers.errors import CannotWatch, NotFinite
from tests.watchers.keras.keras_models import (
    FIT,
    Convolved,
    L,
    Own,
    Residual,
    Spoiled,
    alike,
    functional,
    left_behind,
    scaled,
    state,
    train_zoo,
    unnamed,
    value,
    zoo,
    zoo_data,
)
from tests.watchers.reference import INPUTS, OUTPUTS, Reference, disagreement, reference


def loss():
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def mlp(ref: Reference) -> Any:
    hidden = [L.Dense(layer.width, activation=layer.activation) for layer in ref.network.hidden]
    model = keras.Sequential([keras.Input((INPUTS,)), *hidden, L.Dense(OUTPUTS)])
    for layer, weight, bias in zip(model.layers, ref.weights, ref.biases, strict=True):
        layer.set_weights([weight, bias])
    model.compile(keras.optimizers.SGD(0.1), loss())
    return model


def agreement(notation: str, dtype: str) -> float:
    ref = reference(notation, dtype)
    _precision(dtype)
    try:
        model = mlp(ref)
        watcher = gg.watch(model, ref.x, ref.y)
        model.fit(ref.x, ref.y, callbacks=[watcher], **FIT)
        return max(disagreement(ref, watcher.run).values())
    finally:
        _precision("float32")


def _precision(dtype: str) -> None:
    keras.config.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)


def zoo_findings(found: dict[str, Any]) -> None:
    plain = state(train_zoo([]))
    x, y = zoo_data()
    model = zoo()
    watcher = gg.watch(model, every=2)
    model.fit(x, y, callbacks=[watcher], epochs=2, verbose=0, batch_size=16)
    run = watcher.run
    found["bit_identical"] = alike(plain, state(model))
    found["left_behind"] = left_behind(model)
    rows = {row.name: row for row in run.layers}
    found["activations"] = {name: row.activation for name, row in rows.items()}
    found["kinds"] = {name: row.kind for name, row in rows.items()}
    found["outputs"] = sorted(name for name, row in rows.items() if row.output)
    found["derived"] = [name for name, row in rows.items() if row.derived]
    found["reasons"] = sorted(
        {f"{n.reason}:{name}" for n in run.notes for name in n.layers or ("",)}
    )
    found["probe_steps"] = run.groups["probes"].coords["probe_step"].tolist()
    found["steps"] = run.groups["steps"].coords["step"].tolist()
    found["update_ratio_finite"] = bool(np.isfinite(run.values("steps", "update_ratio")).all())
    found["loss_finite"] = bool(np.isfinite(run.values("steps", "loss")).all())
    found["epochs"] = run.groups["epochs"].coords["epoch"].tolist()
    gaps = {}
    for name in rows:
        gains = [value(run, n, name) for n in ("backward_gain", "weight_gain", "slope_gain")]
        if np.isfinite(gains).all():
            gaps[name] = abs(gains[0] / (gains[1] * gains[2]) - 1)
    found["identity_gap"], found["identity_layers"] = max(gaps.values()), len(gaps)
    found["frozen_gradient"] = value(run, "weight_grad_norm", "frozen")
    found["frozen_delta"] = value(run, "delta_norm", "frozen")


def exact_softmax(found: dict[str, Any]) -> None:
    """The error signal at a softmax output is (p - one hot) / samples, on every backend."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(32, 4)).astype("float32"), rng.integers(0, 3, 32)
    model = keras.Sequential([keras.Input((4,)), L.Dense(5, "relu"), L.Dense(3, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    p = keras.ops.convert_to_numpy(model(x))
    expected = np.linalg.norm((p - np.eye(3)[y]) / 32)
    watcher = gg.watch(model, x, y)
    model.fit(x, y, callbacks=[watcher], **FIT)
    got = watcher.run.values("probes", "delta_norm")[0, 0, -1]
    found["softmax_delta"] = float(abs(got / expected - 1))


def subclassed(found: dict[str, Any]) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(32, 4)).astype("float32"), rng.integers(0, 3, 32)
    model = Own()
    model.compile("sgd", loss())
    watcher = gg.watch(model)
    model.fit(x, y, callbacks=[watcher], **FIT)
    rows = {row.name.rpartition("/")[2]: row for row in watcher.run.layers}
    a, b, *_, head = rows.values()
    found["subclassed"] = [a.activation, b.activation, head.output]
    found["subclassed_unused"] = [row.called for row in rows.values()].count(False)
    found["subclassed_reasons"] = sorted(n.reason for n in watcher.run.notes for _ in n.layers)
    found["own_step"] = "own_train_step" in {n.reason for n in watcher.run.notes}


def by_hand(model: Any, x: np.ndarray, y: np.ndarray, post: bool) -> dict[str, float]:
    """Norms of the gradients of the mean squared error, by the chain rule in float64."""
    w = {v.path.split("/")[-2]: [] for v in model.weights}
    for v in model.weights:
        w[v.path.split("/")[-2]].append(np.asarray(keras.ops.convert_to_numpy(v), "float64"))
    epsilon = 1e-3
    norm = next(name for name in w if "norm" in name)

    def normalized(v):
        root = np.sqrt(v.var(-1, keepdims=True) + epsilon)
        return (v - v.mean(-1, keepdims=True)) / root, root

    def through_norm(gradient, v):
        n, root = normalized(v)
        g = gradient * w[norm][0]
        return (g - g.mean(-1, keepdims=True) - n * (g * n).mean(-1, keepdims=True)) / root

    def affine(v, name):
        return v @ w[name][0] + w[name][1]

    stem = affine(x.astype("float64"), "stem")
    inner = stem if post else normalized(stem)[0] * w[norm][0] + w[norm][1]
    z = affine(inner, "up")
    total = stem + affine(np.maximum(z, 0), "down")
    last = normalized(total)[0] * w[norm][0] + w[norm][1] if post else total
    out = affine(last, "head")
    head = 2 * (out - y) / out.size
    to_last = head @ w["head"][0].T
    down = through_norm(to_last, total) if post else to_last
    up = (down @ w["down"][0].T) * (z > 0)
    to_inner = up @ w["up"][0].T
    to_stem = down + (to_inner if post else through_norm(to_inner, stem))
    of_norm = to_last if post else to_inner
    found = {"stem": to_stem, norm: of_norm, "up": up, "down": down, "head": head}
    return {name: float(np.linalg.norm(gradient)) for name, gradient in found.items()}


def residual(found: dict[str, Any]) -> None:
    """A norm whose input the residual sum reads, too, is a layer of its own."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(32, 4)).astype("float32"), rng.normal(size=(32, 2)).astype("float32")
    for build in (functional, Residual):
        for post in (False, True):
            keras.utils.set_random_seed(0)
            model = build(post)
            model.compile("sgd", "mse")
            model(x)
            expected = by_hand(model, x, y, post)
            watcher = gg.watch(model, x, y, every=1)
            model.fit(x, y, callbacks=[watcher], **FIT)
            delta = {
                row.name.rpartition("/")[2]: value(watcher.run, "delta_norm", row.name)
                for row in watcher.run.layers
            }
            gap = max(
                (abs(delta.get(name, 0) / norm - 1) for name, norm in expected.items()), default=9
            )
            key = f"{build.__name__}_{'post' if post else 'pre'}"
            found[key] = [len(delta), float(gap)]


def scales_and_class_weights(found: dict[str, Any]) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(32, 4)).astype("float32"), np.arange(32) % 3
    weights = {0: 1.0, 1: 4.0, 2: 0.25}
    model = scaled()
    model.compile("sgd", "sparse_categorical_crossentropy")
    p = np.asarray(keras.ops.convert_to_numpy(model(x)), "float64")[np.arange(32), y]
    expected = np.mean([weights[k] * -np.log(q) for k, q in zip(y, p, strict=True)])
    watcher = gg.watch(model, every=1)
    model.fit(x, y, class_weight=weights, callbacks=[watcher], **FIT)
    run = watcher.run
    found["scaled"] = {r.name: [r.kind, r.activation, r.units] for r in run.layers}
    found["scaled_reasons"] = sorted(f"{n.reason}:{name}" for n in run.notes for name in n.layers)
    found["layer_scale"] = value(run, "delta_norm", "branch") / value(run, "delta_norm", "scale")
    found["class_weights"] = float(run.values("probes", "loss")[0, 0] / expected)


def roles(found: dict[str, Any]) -> None:
    keras.utils.set_random_seed(0)
    model = unnamed()
    model.compile("sgd", loss())
    watcher = gg.watch(model, every=1)
    x = np.random.default_rng(0).normal(size=(32, 5, 8)).astype("float32")
    model.fit(x, np.arange(32) % 3, callbacks=[watcher], **FIT)
    rows = {row.name.rpartition("/")[2]: row for row in watcher.run.layers}
    found["roles"] = {name: row.role for name, row in rows.items()}
    found["wide"] = [rows["wide"].units, rows["wide"].fan_in]


def folded(found: dict[str, Any]) -> None:
    model = Convolved()
    model.compile("sgd", loss())
    x, y = np.random.default_rng(0).normal(size=(32, 6, 6, 1)).astype("float32"), np.arange(32) % 3
    watcher = gg.watch(model, x, y, every=1)
    model.fit(x, y, callbacks=[watcher], **FIT)
    found["folded"] = [r.name.rpartition("/")[2] for r in watcher.run.layers][:1]
    found["folded_rows"] = [len(watcher.run.layers), watcher.run.layers[0].activation]


SAMPLINGS: tuple[dict[str, Any], ...] = ({"every": 1}, {}, {"every": 1, "stop_on_nan": True})


def not_finite(found: dict[str, Any]) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(64, 6)).astype("float32"), np.arange(64) % 3
    for backwards in (False, True):
        for options in SAMPLINGS:
            keras.utils.set_random_seed(0)
            layers = [L.Dense(8, "tanh", name="a"), L.Dense(8, name="b"), Spoiled(backwards)]
            model = keras.Sequential([keras.Input((6,)), *layers, L.Dense(3, name="c")])
            model.compile("sgd", loss())
            watcher = gg.watch(model, **options)
            stopped = -1
            try:
                model.fit(x, y, batch_size=8, epochs=2, verbose=0, callbacks=[watcher])
            except NotFinite as error:
                stopped = error.step
            run = watcher.run
            at = int(run.figure("non_finite_layer")[0])
            key = f"{'backwards' if backwards else 'forwards'}_{'_'.join(options) or 'budget'}"
            found[f"not_finite_{key}"] = [
                int(run.figure("non_finite_step")[0]),
                run.layers[at - 1].name.rpartition("/")[2] if at > 0 else "",
                run.attributes["non_finite_operation"],
                stopped,
                "batch_not_seen" in {note.reason for note in run.notes},
            ]


def one_bad_sample(found: dict[str, Any]) -> None:
    """A sample far behind the probe batch makes a root of a negative number."""
    x = np.abs(np.random.default_rng(0).normal(size=(1600, 6))).astype("float32")
    x[1500] = -1e3
    layers = [L.Dense(4, "tanh", name="a"), L.Lambda(keras.ops.sqrt), L.Dense(3, name="b")]
    layers[0].kernel_initializer = layers[0].bias_initializer = "ones"
    model = keras.Sequential([keras.Input((6,)), *layers])
    model.compile(keras.optimizers.SGD(1e-4), loss())
    watcher = gg.watch(model, every=1)
    model.fit(x, np.arange(1600) % 3, batch_size=200, epochs=1, verbose=0, callbacks=[watcher])
    run = watcher.run
    at = int(run.figure("non_finite_layer")[0])
    found["one_bad_sample"] = [
        run.layers[at - 1].name.rpartition("/")[2] if at > 0 else "",
        run.attributes["non_finite_operation"],
        "batch_not_seen" in {note.reason for note in run.notes},
    ]


def exceptions(found: dict[str, Any]) -> None:
    class Raising(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):  # noqa: ARG002
            raise KeyError("mine")

    model = keras.Sequential([keras.Input((4,)), L.Dense(3, activation="tanh"), L.Dense(3)])
    model.compile("sgd", loss())
    x, y = np.ones((32, 4), "float32"), np.zeros(32)
    watcher = gg.watch(model, every=1)
    try:
        model.fit(x, y, callbacks=[watcher, Raising()], **FIT)
    except KeyError as error:
        found["own_exception"] = error.args[0]
    found["left_after_exception"] = left_behind(model)

    model = keras.Sequential([keras.Input((4,)), L.Dense(3)])
    model.compile("sgd", loss())
    bad = gg.watch(model, np.zeros((8, 7), "float32"), np.zeros(8, "int32"), every=1)
    model.fit(np.zeros((8, 4), "float32"), np.zeros(8), callbacks=[bad], **FIT)
    found["bad_probe"] = sorted({n.reason for n in bad.run.notes} - {"keras_callback"})
    found["bad_probe_left"] = left_behind(model)

    model = keras.Sequential([keras.Input((4,)), L.Flatten()])
    model.compile("sgd", loss())
    try:
        model.fit(np.zeros((8, 4)), np.zeros(8), callbacks=[gg.watch(model)], **FIT)
    except CannotWatch as error:
        found["nothing_trainable"] = error.reason


def no_arrays(found: dict[str, Any]) -> None:
    class Data(keras.utils.PyDataset):
        def __len__(self):
            return 2

        def __getitem__(self, index):
            return np.ones((8, 4), "float32"), np.zeros(8, "int32")

    model = keras.Sequential([keras.Input((4,)), L.Dense(3, activation="tanh"), L.Dense(3)])
    model.compile("sgd", loss())
    watcher = gg.watch(model, every=1)
    model.fit(Data(), callbacks=[watcher], epochs=1, verbose=0)
    found["no_arrays"] = "no_probe_batch" in {n.reason for n in watcher.run.notes}
    found["no_arrays_updates"] = bool(
        np.isfinite(watcher.run.values("steps", "update_ratio")).all()
    )


def main() -> None:
    found: dict[str, Any] = {
        "float32": max(agreement(n, "float32") for n in ("12-16x3-5 relu", "12-16-8-5 sigmoid")),
    }
    if keras.config.backend() == "jax":
        import jax

        with jax.enable_x64(True):
            found["float64"] = agreement("12-16x3-5 relu", "float64")
    else:
        found["float64"] = agreement("12-16x3-5 relu", "float64")
    for check in (
        zoo_findings,
        exact_softmax,
        subclassed,
        residual,
        scales_and_class_weights,
        roles,
        folded,
        not_finite,
        one_bad_sample,
        exceptions,
        no_arrays,
    ):
        check(found)
    print("FOUND " + json.dumps(found))


if __name__ == "__main__":
    main()
