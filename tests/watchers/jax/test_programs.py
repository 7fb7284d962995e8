"""The JAX watcher on programs that mix floats with integers, masks, factors and residual sums.

Every delta is compared with `jax.grad` with respect to zeros, added at that place by the test.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gradgauge as gg


def normal(*shape, seed=0, dtype=jnp.float32):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), dtype)


X = normal(16, 8, seed=1)
LABELS = jnp.arange(16) % 3
PARAMS = {
    "a": normal(8, 12) / 3,
    "b": 0.1 * normal(12, seed=2),
    "c": normal(12, 12, seed=3) / 3,
    "d": normal(12, 3, seed=4) / 3,
}


def cross_entropy(logits, y):
    logits = logits.astype(jnp.float32)
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(logits), y[:, None], 1))


def zeros_for(n=12, dtype=jnp.float32):
    return jnp.zeros((16, n), dtype)


def watched(loss, params, *batch):
    watcher = gg.watch(loss, params, every=1)
    watcher.step(params, batch=batch)
    return watcher.run


def row(run, name):
    return next(r for r in run.layers if r.name == name)


def value(run, quantity, name):
    index = [r.name for r in run.layers].index(name)
    return run.values("probes", quantity)[0, 0, index]


def check_deltas(loss, run, shifts):
    """The norms of delta of the layers that `shifts` names, by adding zeros there."""
    expected = jax.jit(jax.grad(lambda shifts: loss(PARAMS, X, LABELS, shifts)))(shifts)
    for name, delta in expected.items():
        wanted = float(jnp.linalg.norm(delta.astype(jnp.float32)))
        assert value(run, "delta_norm", name) == pytest.approx(wanted, rel=1e-4), name


WAYS = {
    "where twice": lambda z: jnp.where(z() > 0, z(), 0),
    "where": lambda z: (lambda z: jnp.where(z > 0, z, 0))(z()),
    "where of zeros": lambda z: (lambda z: jnp.where(z > 0, z, jnp.zeros_like(z)))(z()),
    "select": lambda z: jax.lax.select(z() > 0, z(), jnp.zeros((16, 12))),
    "maximum": lambda z: jnp.maximum(z(), 0),
    "mask": lambda z: z() * (z() > 0),
    "converted mask": lambda z: z() * (z() > 0).astype(jnp.int32),
    "relu": lambda z: jax.nn.relu(z()),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_relu_is_one_however_it_is_written(way):
    def loss(p, x, y, shifts):
        h = WAYS[way](lambda: x @ p["a"] + p["b"] + shifts["a"])
        return cross_entropy(jnp.tanh(h @ p["c"] + shifts["c"]) @ p["d"], y)

    run = watched(lambda p, x, y: loss(p, x, y, {"a": 0.0, "c": 0.0}), PARAMS, X, LABELS)
    assert [r.activation for r in run.layers] == ["relu", "tanh", "linear"]
    check_deltas(loss, run, {"a": zeros_for(), "c": zeros_for()})
    assert {note.subject for note in run.notes} <= {"step_gradients", "updates"}


def test_a_gate_written_twice_is_its_activation():
    def loss(p, x, y, shifts):
        z = x @ p["a"] + p["b"] + shifts["a"]
        return cross_entropy((jax.nn.sigmoid(z) * z) @ p["d"], y)

    def twice(p, x, y):
        h = jax.nn.sigmoid(x @ p["a"] + p["b"]) * (x @ p["a"] + p["b"])
        return cross_entropy(h @ p["d"], y)

    run = watched(twice, {k: PARAMS[k] for k in "abd"}, X, LABELS)
    assert row(run, "a").activation == "silu"
    check_deltas(loss, run, {"a": zeros_for()})


def routed(p, x, y, shifts):
    """Routing by argmax: one expert a sample, chosen by integers."""
    h = jnp.tanh(x @ p["a"] + shifts["a"])
    z = h @ p["c"] + shifts["c"]
    chosen = jax.nn.one_hot(jnp.argmax(z, 1), 12)
    return cross_entropy((chosen * z) @ p["d"], y)


def masked(p, x, y, shifts):
    """A mask of one layer's signs over another one's values."""
    z = x @ p["a"] + shifts["a"]
    return cross_entropy(jnp.where(z > 0, jnp.tanh(z) @ p["c"] + shifts["c"], 0) @ p["d"], y)


def branched(p, x, y, shifts):
    """A branch that an integer chooses."""
    h = jnp.tanh(x @ p["a"] + shifts["a"])
    z = h @ p["c"] + shifts["c"]
    h = jax.lax.cond(jnp.sum(y) > 3, jnp.sin, jnp.cos, z)
    return cross_entropy(h @ p["d"], y)


def gathered(p, x, y, shifts):
    """Rows chosen and put elsewhere by integers, sorted, cut off at the k-th."""
    z = x @ p["a"] + shifts["a"]
    largest, at = jax.lax.top_k(z, 4)
    sparse = jnp.zeros_like(z).at[jnp.arange(16)[:, None], at].set(largest)
    z = jnp.take(sparse, jnp.argsort(y), axis=0) @ p["c"] + shifts["c"]
    return cross_entropy(jnp.tanh(z) @ p["d"], y)


def only_signs(p, x, y, shifts):
    """A layer of which nothing but the sign is read: no gradient goes there."""
    z = x @ p["a"] + shifts["a"]
    return cross_entropy(jnp.tanh((z > 0) @ p["c"] + shifts["c"]) @ p["d"], y)


@pytest.mark.parametrize("loss", [routed, masked, branched, gathered, only_signs])
def test_integers_stay_integers(loss):
    run = watched(lambda p, x, y: loss(p, x, y, {"a": 0.0, "c": 0.0}), PARAMS, X, LABELS)
    assert {r.name: r.kind for r in run.layers if r.called} == dict.fromkeys("acd", "dense")
    check_deltas(loss, run, {"a": zeros_for(), "c": zeros_for()})
    assert np.isfinite(run.values("probes", "loss")).all()


def layer_norm(scale, x):
    centered = x - x.mean(-1, keepdims=True)
    return scale * centered / jnp.sqrt((centered**2).mean(-1, keepdims=True) + 1e-6)


def stack(p, ids, y, shifts, first):
    """Embedding, one block of attention and one dense, normalized before or behind the sum."""
    x = p["embedding"][ids] + shifts["embedding"]
    norm = layer_norm(p["norm"], x) + shifts["norm"] if first else x
    q, k, v = (norm @ p[n] + shifts[n] for n in "qkv")
    scores = jnp.einsum("btd,bsd->bts", q / jnp.sqrt(8.0), k)
    mixed = jax.nn.softmax(jnp.where(jnp.tril(jnp.ones((5, 5), bool)), scores, -1e9)) @ v
    x = x + mixed
    if not first:
        x = layer_norm(p["norm"], x) + shifts["norm"]
    return cross_entropy(x[:, -1] @ p["head"] + shifts["head"], y)


@pytest.mark.parametrize("first", [True, False])
def test_a_normalization_beside_a_residual_is_a_layer_of_its_own(first):
    shapes = {"embedding": (7, 8), "q": (8, 8), "k": (8, 8), "v": (8, 8), "head": (8, 3)}
    params = {n: 0.4 * normal(*s, seed=i) for i, (n, s) in enumerate(shapes.items())}
    params["norm"] = jnp.linspace(0.5, 1.5, 8)
    ids = jnp.asarray(np.random.default_rng(0).integers(0, 7, (6, 5)))
    y = jnp.arange(6) % 3
    shifts = {n: jnp.zeros((6, 5, 8)) for n in params if n != "head"} | {"head": jnp.zeros((6, 3))}
    run = watched(
        lambda p, ids, y: stack(p, ids, y, dict.fromkeys(shifts, 0.0), first), params, ids, y
    )
    expected = jax.jit(jax.grad(lambda shifts: stack(params, ids, y, shifts, first)))(shifts)
    assert {r.name for r in run.layers} == set(params)
    assert row(run, "norm").kind == "normalization"
    assert row(run, "q").activation == "linear"
    for name, delta in expected.items():
        wanted = float(jnp.linalg.norm(delta))
        assert value(run, "delta_norm", name) == pytest.approx(wanted, rel=1e-4), name
    assert not [note for note in run.notes if note.reason == "unknown_activation"]


def test_a_normalization_that_alone_reads_a_layer_is_part_of_it():
    params = {**PARAMS, "norm": jnp.linspace(0.5, 1.5, 12)}

    def loss(p, x, y, shift=0.0):
        h = jax.nn.relu(layer_norm(p["norm"], x @ p["a"] + p["b"]) + shift)
        return cross_entropy(h @ p["d"], y), (x @ p["a"]).mean()

    watcher = gg.watch(loss, params, has_aux=True, every=1)
    watcher.step(params, batch=(X, LABELS))
    delta, _ = jax.grad(loss, argnums=3, has_aux=True)(params, X, LABELS, zeros_for())
    assert "norm" not in {r.name for r in watcher.run.layers if r.called}
    wanted = float(jnp.linalg.norm(delta))
    assert value(watcher.run, "delta_norm", "a") == pytest.approx(wanted, rel=1e-4)
    assert row(watcher.run, "a").activation == "relu"


def test_a_factor_before_the_bias_belongs_to_z():
    def loss(p, x, y, shifts):
        h = jax.nn.relu(3.0 * (x @ p["a"]) / jnp.sqrt(8) + p["b"] + shifts["a"])
        h = jnp.tanh(2 * (h @ p["c"]) + shifts["c"])
        return cross_entropy(h @ p["d"] * 0.5, y)

    run = watched(lambda p, x, y: loss(p, x, y, {"a": 0.0, "c": 0.0}), PARAMS, X, LABELS)
    assert [r.activation for r in run.layers] == ["relu", "tanh", "linear"]
    check_deltas(loss, run, {"a": zeros_for(), "c": zeros_for()})


def test_a_jitted_function_called_like_an_activation_is_looked_into():
    @jax.jit
    def linear(w, x):
        return x @ w

    def loss(p, x, y):
        return cross_entropy(linear(p["d"], jax.nn.relu(linear(p["a"], x))), y)

    run = watched(loss, {k: PARAMS[k] for k in "ad"}, X, LABELS)
    assert [(r.name, r.kind, r.activation) for r in run.layers] == [
        ("a", "dense", "relu"),
        ("d", "dense", "linear"),
    ]


def test_what_a_loss_prints_is_printed_by_the_training_alone():
    printed = []

    def loss(p, x, y):
        h = jnp.tanh(x @ p["a"])
        jax.debug.callback(lambda h: printed.append(float(h)), h.mean())
        return cross_entropy(h @ p["d"], y)

    run = watched(loss, {k: PARAMS[k] for k in "ad"}, X, LABELS)
    jax.effects_barrier()
    assert printed == []
    assert np.isfinite(run.values("probes", "delta_norm")).all()
