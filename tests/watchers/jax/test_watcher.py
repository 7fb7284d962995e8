"""The JAX watcher: agreement with the engine, and what it finds in traced programs."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

import gradgauge as gg
from gradgauge.engine.programs import precision
from tests.watchers.reference import TOLERANCE, Reference, disagreement, reference

FUNCTIONS = {
    "relu": jax.nn.relu,
    "sigmoid": jax.nn.sigmoid,
    "tanh": jnp.tanh,
    "gelu": lambda z: jax.nn.gelu(z, approximate=False),
    "elu": jax.nn.elu,
}


def forward(params, names, skip, x):
    opened = None
    for index, name in enumerate(names):
        layer = params[index]
        z = x @ layer["kernel"] + layer["bias"]
        h = FUNCTIONS[name](z)
        if skip and index % skip == 0:
            h = h if opened is None else h + opened
            opened = h
        x = h
    return x @ params[-1]["kernel"] + params[-1]["bias"]


def cross_entropy(logits, y):
    return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()


def as_tree(ref: Reference, dtype: str):
    return [
        {"kernel": jnp.asarray(w, dtype), "bias": jnp.asarray(b, dtype)}
        for w, b in zip(ref.weights, ref.biases, strict=True)
    ]


@pytest.mark.parametrize(
    ("notation", "dtype"),
    [
        ("12-16x3-5 relu", "float32"),
        ("12-16x3-5 relu", "float64"),
        ("12-16x3-5 gelu", "float64"),
        ("12-16x5-5 tanh skip=2", "float64"),
    ],
)
def test_agrees_with_the_engine(notation, dtype):
    ref = reference(notation, dtype)
    with precision(dtype):
        params = as_tree(ref, dtype)

        def loss(params, x, y):
            logits = forward(params, ref.network.activations, ref.network.skip, x)
            return cross_entropy(logits, y)

        watcher = gg.watch(loss, params)
        watcher.step(params, batch=(jnp.asarray(ref.x), jnp.asarray(ref.y)))
        worst = disagreement(ref, watcher.run)
    assert max(worst.values()) < TOLERANCE[dtype], worst


def data(shape, classes=3, seed=0):
    rng = np.random.default_rng(seed)
    return jnp.asarray(rng.normal(size=shape), jnp.float32), jnp.asarray(
        rng.integers(0, classes, shape[0])
    )


def watched(loss, params, *batch):
    watcher = gg.watch(loss, params, every=1)
    watcher.step(params, batch=batch)
    return watcher.run


def row(run, name):
    return next(r for r in run.layers if r.name == name)


def value(run, quantity, name):
    index = [r.name for r in run.layers].index(name)
    return run.values("probes", quantity)[0, 0, index]


class Net(nnx.Module):
    def __init__(self, rngs):
        self.conv = nnx.Conv(1, 4, (3, 3), rngs=rngs)
        self.dense = nnx.Linear(64, 8, rngs=rngs)
        self.batch_norm = nnx.BatchNorm(8, rngs=rngs)
        self.layer_norm = nnx.LayerNorm(8, rngs=rngs)
        self.tanh = nnx.Linear(8, 8, rngs=rngs)
        self.attention = nnx.MultiHeadAttention(
            num_heads=2, in_features=8, qkv_features=8, decode=False, rngs=rngs
        )
        self.head = nnx.Linear(8, 3, rngs=rngs)

    def __call__(self, x, perturb=0.0):
        x = nnx.relu(self.conv(x)).reshape(x.shape[0], -1)
        x = nnx.gelu(self.batch_norm(self.dense(x)) + perturb)
        x = x + jnp.tanh(self.tanh(self.layer_norm(x)))
        t = jnp.stack([x, 2 * x], 1)
        return self.head((t + self.attention(t))[:, 0])


def test_flax_nnx_modules():
    graph, params, rest = nnx.split(Net(nnx.Rngs(0)), nnx.Param, ...)
    x, y = data((16, 4, 4, 1))

    def loss(params, rest, x, y, perturb=0.0):
        model = nnx.merge(graph, params, rest, copy=True)
        return cross_entropy(model(x, perturb), y)

    run = watched(loss, params, rest, x, y)
    names = [r.name for r in run.layers]
    assert names == [
        "conv",
        "dense",
        "layer_norm",
        "tanh",
        "attention.query",
        "attention.key",
        "attention.value",
        "attention.out",
        "head",
    ]
    activations = [row(run, n).activation for n in ("conv", "dense", "tanh", "head")]
    assert activations == ["relu", "gelu_tanh", "tanh", "linear"]
    both = jax.jit(jax.grad(loss, argnums=(0, 4)))
    grads, delta = both(params, rest, x, y, jnp.zeros((16, 8)))
    assert value(run, "delta_norm", "dense") == pytest.approx(
        float(jnp.linalg.norm(delta)), rel=1e-4
    )
    assert row(run, "conv").kind == "convolution"
    assert row(run, "head").output
    expected = float(jnp.linalg.norm(grads["conv"]["kernel"][...]))
    assert value(run, "weight_grad_norm", "conv") == pytest.approx(expected, rel=1e-5)


class Recurrent(eqx.Module):
    embedding: eqx.nn.Embedding
    cell: eqx.nn.GRUCell
    head: eqx.nn.MLP

    def __init__(self, key):
        self.embedding = eqx.nn.Embedding(5, 4, key=key)
        self.cell = eqx.nn.GRUCell(4, 4, key=key)
        self.head = eqx.nn.MLP(4, 2, 8, 1, activation=jax.nn.silu, key=key)

    def __call__(self, ids):
        embedded = jax.vmap(self.embedding)(ids)
        last, _ = jax.lax.scan(lambda h, x: (self.cell(x, h), None), jnp.zeros(4), embedded)
        return self.head(last)


def test_equinox_modules_and_loops():
    model = Recurrent(jax.random.PRNGKey(0))
    ids = jnp.asarray(np.random.default_rng(0).integers(0, 5, (8, 6)))

    def loss(model, ids, y):
        return jnp.mean((jax.vmap(model)(ids) - y) ** 2)

    y = jnp.ones((8, 2))
    watcher = gg.watch(loss, model, every=1)
    grads = eqx.filter_jit(eqx.filter_grad(loss))(model, ids, y)
    watcher.step(model, grads, jax.tree.map(lambda g: -0.1 * g, grads), batch=(ids, y))
    run = watcher.run
    assert row(run, "head.layers.0").activation == "silu"
    assert row(run, "embedding").kind == "embedding"
    assert row(run, "cell.weight_hh").kind == "recurrent"
    inside = {name for note in run.notes if note.reason == "inside_loop" for name in note.layers}
    assert inside == {"cell.weight_ih", "cell.weight_hh"}
    expected = float(jnp.linalg.norm(grads.cell.weight_hh))
    index = [r.name for r in run.layers].index("cell.weight_hh")
    got = run.values("steps", "weight_grad_norm")[0, 0, index]
    assert got == pytest.approx(expected, rel=1e-5)
    assert np.isfinite(run.values("steps", "update_ratio")).all()


def test_shared_unused_custom_activation_and_two_outputs():
    rng = np.random.default_rng(0)
    params = {n: jnp.asarray(rng.normal(size=(4, 4)), jnp.float32) for n in "abcdu"}
    x, _ = data((8, 4))

    def trunk(p, x, eps):
        for i in range(2):
            x = jnp.tanh(x @ p["a"] + eps[i])
        z = x @ p["b"]
        return z * jax.nn.sigmoid(1.7 * z)

    def loss(p, x, eps=(0.0, 0.0)):
        h = trunk(p, x, eps)
        return jnp.mean((h @ p["c"]) ** 2) + jnp.mean((h @ p["d"]) ** 4)

    run = watched(loss, params, x)
    grads = jax.jit(jax.grad(loss, argnums=2))(params, x, (jnp.zeros((8, 4)), jnp.zeros((8, 4))))
    expected = float(jnp.linalg.norm(jnp.concatenate(grads)))
    assert value(run, "delta_norm", "a") == pytest.approx(expected, rel=1e-5)
    assert {r.name for r in run.layers if r.output} == {"c", "d"}
    assert not row(run, "u").called
    assert row(run, "b").derived
    gains = [value(run, n, "b") for n in ("backward_gain", "weight_gain", "slope_gain")]
    assert gains[0] == pytest.approx(gains[1] * gains[2], rel=1e-6)


def test_watching_changes_no_result_and_ragged_batches_are_passed_by():
    ref = reference("12-16x3-5 relu", "float32")
    optimizer = optax.adam(1e-2)

    def loss(params, x, y):
        return cross_entropy(forward(params, ref.network.activations, 0, x), y)

    gradient, update = jax.jit(jax.value_and_grad(loss)), jax.jit(optimizer.update)

    def train(watch):
        params = as_tree(ref, "float32")
        state = optimizer.init(params)
        watcher = gg.watch(loss, params, every=1) if watch else None
        for stop in (64, 64, 50):
            x, y = jnp.asarray(ref.x[:stop]), jnp.asarray(ref.y[:stop])
            value, grads = gradient(params, x, y)
            updates, state = update(grads, state)
            if watcher is not None:
                watcher.step(params, grads, updates, batch=(x, y), loss=value)
            params = optax.apply_updates(params, updates)
        return params, watcher

    plain, _ = train(False)
    seen, watcher = train(True)
    assert all(
        jnp.array_equal(a, b)
        for a, b in zip(jax.tree.leaves(plain), jax.tree.leaves(seen), strict=True)
    )
    run = watcher.run
    assert run.groups["probes"].coords["probe_step"].tolist() == [0, 1]
    assert run.groups["steps"].coords["step"].tolist() == [0, 1, 2]
    assert np.isfinite(run.values("steps", "weight_grad_norm")).all()


def test_fixed_probe_batch_new_params_and_last_probe():
    params = {"w": jnp.ones((3, 2)), "v": jnp.ones((2, 1))}
    x = jnp.ones((4, 3))

    def loss(p, x):
        return jnp.mean((jnp.tanh(x @ p["w"]) @ p["v"]) ** 2), "aux"

    watcher = gg.watch(loss, params, x, has_aux=True, every=1)
    after = jax.tree.map(lambda p: 0.9 * p, params)
    watcher.step(params, new_params=after)
    watcher.close(after)
    run = watcher.run
    assert run.attributes["batch"] == "probe"
    np.testing.assert_allclose(run.values("steps", "update_ratio"), 0.1, rtol=1e-5)
    assert run.groups["probes"].coords["probe_step"].tolist() == [0, 1]


def test_a_loss_that_cannot_be_traced_is_said():
    params = {"w": jnp.ones((3, 2))}

    def loss(p, x):
        return jnp.sum(p["w"]) if float(jnp.sum(x @ p["w"])) > 0 else 0.0

    watcher = gg.watch(loss, params, every=1)
    watcher.step(params, params, params, batch=(jnp.ones((1, 3)),))
    assert {note.reason for note in watcher.run.notes} == {"probe_failed"}
    assert np.isfinite(watcher.run.values("steps", "update_ratio")).all()


def test_a_parameter_that_multiplies_nothing_is_read_all_the_same():
    params = {
        "means": jnp.ones((3, 2)),
        "scales": jnp.zeros((3, 2)),
        "never": jnp.ones((2, 2)),
        "out": jnp.ones((3, 1)),
    }

    def loss(params, x):
        far = ((x[:, None] - params["means"]) * jnp.exp(-params["scales"])) ** 2
        return (jnp.exp(-far.sum(-1)) @ params["out"]).mean()

    watcher = gg.watch(loss, params, jnp.ones((5, 2)), every=1)
    watcher.step(params)
    called = {layer.name: layer.called for layer in watcher.run.layers}
    assert called == {"means": True, "scales": True, "never": False, "out": True}
    told = {
        note.reason: set(note.layers) for note in watcher.run.notes if note.subject == "signals"
    }
    assert told == {"alone": {"means", "scales"}, "not_called": {"never"}}
