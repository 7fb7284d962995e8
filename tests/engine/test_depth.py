"""Any depth: the program does not grow with it, and a thousand layers run."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from gradgauge.datasets import Dataset
from gradgauge.engine import build
from gradgauge.engine.epochs import evaluate, run_steps
from gradgauge.engine.probe import probe
from gradgauge.engine.program_key import program_key
from gradgauge.engine.step import Rates, State
from gradgauge.engine.terms import Entry
from gradgauge.spec.notation import parse
from tests.engine.members import TRAINING, run_of


def equations(jaxpr) -> int:
    """Number of equations, those of inner programs included."""
    count = 0
    for equation in jaxpr.eqns:
        count += 1
        for value in equation.params.values():
            for inner in value if isinstance(value, tuple | list) else (value,):
                inner = getattr(inner, "jaxpr", inner)
                if hasattr(inner, "eqns"):
                    count += equations(inner)
    return count


def program_sizes(depth: int, options: str) -> dict[str, int]:
    network = parse(f"12-6x{depth}-3 relu {options}")
    key = program_key(network, TRAINING, 200, frozenset({"relu", "tanh"}))
    params = build.initial_parameters(network, 0)
    tables = build.layer_tables(network, key.activations)
    as_single = lambda x: jnp.asarray(x, jnp.float32 if x.dtype.kind == "f" else x.dtype)  # noqa: E731
    params, tables, running = jax.tree.map(
        as_single, (params, tables, build.initial_running(network))
    )
    state = State(params, (params, params), running, jnp.int32(0))
    rates = Rates(*(jnp.float32(x) for x in (0.01, 0.9, 0.0, 0.0, 0, 10)))
    x, y = jnp.zeros((200, 12)), jnp.zeros(200, jnp.int32)
    order, at = jnp.arange(200, dtype=jnp.int32), jnp.int32(0)
    made = {
        "run_steps": jax.make_jaxpr(lambda *a: run_steps(key, False, *a))(
            state, tables, rates, x, y, order, at, at
        ),
        "probe": jax.make_jaxpr(lambda *a: probe(key, *a))(params, tables, x, y),
        "evaluate": jax.make_jaxpr(lambda *a: evaluate(key, *a))(state, tables, x, y),
    }
    return {name: equations(jaxpr.jaxpr) for name, jaxpr in made.items()}


def test_programs_do_not_grow_with_depth() -> None:
    """Compile time is the number of equations, not of layers."""
    for options in ("", "norm=batch skip=1", "norm=layer skip=2"):
        shallow, deep = program_sizes(5, options), program_sizes(200, options)
        assert shallow == deep
        assert min(shallow.values()) > 20


def test_a_thousand_layers_run_and_measure_right(blobs: Dataset) -> None:
    """Orthogonal linear layers turn the signal and do nothing else: every gain is 1, all the way
    through a thousand layers, and the error signal of the first is as large as of the last."""
    network = parse("12-5x1000-3 linear init=orthogonal")
    training = TRAINING.replace(epochs=1, optimizer="sgd", learning_rate=1e-6)
    (run,) = run_of(blobs, Entry("deep", network, training))
    for name in ("backward_gain", "weight_gain", "slope_gain"):
        gains = run.values("probes", name)[0, 0]
        assert gains.shape == (1001,)
        np.testing.assert_allclose(gains[1:999], 1, rtol=1e-5)
        assert np.isnan(gains[1000])
    delta = run.values("probes", "delta_norm")[0, 0]
    assert delta[1] / delta[999] == np.float32(1) or abs(delta[1] / delta[999] - 1) < 1e-3
    assert run.figure("non_finite_step").tolist() == [-1]
    assert np.isfinite(run.values("steps", "update_ratio")).all()
