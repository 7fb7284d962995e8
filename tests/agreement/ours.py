"""gradgauge's engine on a case, from given states: the only file here that knows the engine."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

import numpy as np

from gradgauge.engine import batches, build, epochs, step
from gradgauge.engine.probe import probe
from gradgauge.engine.program_key import ProgramKey, program_key
from gradgauge.engine.programs import precision
from gradgauge.parts.activations import ACTIVATIONS
from gradgauge.parts.optimizers import OPTIMIZERS
from gradgauge.spec.network import Layer, NetworkSpec
from gradgauge.spec.training import TrainingSpec
from tests.agreement.cases import BATCH, INPUTS, MOMENTUM, OUTPUTS, WEIGHT_DECAY, Case

import jax  # isort: skip
import jax.numpy as jnp  # isort: skip

QUICK = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
"""Compiles in half the time; the arithmetic is the same."""

STATISTICS = {"mean": "mean", "variance": "variance"}

Named = Mapping[str, np.ndarray]
"""Arrays by the peers' names: `weight/1`, `bias/1`, ..., each with a leading axis of states."""


def network_of(case: Case) -> NetworkSpec:
    hidden = tuple(Layer(*layer) for layer in zip(case.widths, case.activations, strict=True))
    return NetworkSpec(INPUTS, hidden, OUTPUTS, norm=case.norm, skip=case.skip)


def training_of(case: Case) -> TrainingSpec:
    return TrainingSpec(
        optimizer=case.optimizer,
        learning_rate=case.learning_rate,
        batch_size=BATCH,
        loss=case.loss,
        momentum=MOMENTUM,
        weight_decay=WEIGHT_DECAY,
        clip_norm=case.clip_norm,
        dtype=case.dtype,
    )


def key_of(case: Case) -> ProgramKey:
    """All activations in every key, so that cases share compiled programs."""
    return program_key(network_of(case), training_of(case), BATCH, frozenset(ACTIVATIONS))


def to_blocks(key: ProgramKey, named: Named, renamed: Mapping[str, str]) -> tuple[Any, ...]:
    """The engine's layout, one dictionary a block and one for the output layer.

    Args:
        named: the peers' arrays, (states, ...).
        renamed: name in the engine -> name of the peers.
    """
    spans, at = [], 1
    for count in (*(block.count for block in key.blocks), 1):
        spans.append(range(at, at + count))
        at += count
    return tuple(
        {
            ours: np.stack([named[f"{theirs}/{layer}"] for layer in span], axis=1)
            for ours, theirs in renamed.items()
            if f"{theirs}/{span[0]}" in named
        }
        for span in spans
    )


def from_blocks(blocks: Any, renamed: Mapping[str, str]) -> dict[str, np.ndarray]:
    """The way back: (states, ...) arrays by the peers' names."""
    named, at = {}, 1
    for block in blocks:
        count = 0
        for ours, theirs in renamed.items():
            if ours in block:
                count = block[ours].shape[1]
                for i in range(count):
                    named[f"{theirs}/{at + i}"] = np.asarray(block[ours][:, i])
        at += count
    return named


PARAMETERS = {name: name for name in ("weight", "bias", "gamma", "beta")}


def prefixed(prefix: str) -> dict[str, str]:
    return {name: f"{prefix}{name}" for name in PARAMETERS}


def _observe(tap: Any, back: Any, arrived: Any, params: Any, row: Any) -> dict[str, Any]:  # noqa: ARG001
    return {"delta_norm": jnp.linalg.norm(back.delta), "g": back.g, "delta": back.delta}


@functools.cache
def _pass_program(key: ProgramKey) -> Any:
    """One pass forward and back over an axis of states, and the running statistics behind it."""

    def one(params, running, tables, x, targets):
        result = step.one_pass(key, params, tables, x, targets, None, _observe)
        taps = [{"z": tap.z, "h": tap.h} for tap in result.taps]
        seen = [{"g": kept["g"], "delta": kept["delta"]} for kept in result.kept[:-1]]
        return result.loss, result.gradients, taps, seen, step.moved(key, running, result.taps)

    return jax.jit(jax.vmap(one, in_axes=(0, 0, None, 0, 0)), compiler_options=QUICK)


@functools.cache
def _gauge_program(key: ProgramKey) -> Any:
    """All probed gauges and those of a step, over an axis of states."""

    def one(params, tables, x, y, gradients, changes):
        probed = probe(key, params, tables, x, y)
        return probed, step.step_gauges(gradients, params, changes, careful=True)[0]

    return jax.jit(jax.vmap(one, in_axes=(0, None, 0, 0, 0, 0)), compiler_options=QUICK)


def _any_optimizer(key: ProgramKey) -> ProgramKey:
    """A pass does not depend on the optimizer: one program for all of them."""
    return dataclasses.replace(key, optimizer="sgd", clip=False)


def tables_of(case: Case) -> Any:
    tables = build.layer_tables(network_of(case), key_of(case).activations)
    as_dtype = lambda x: x.astype(case.dtype) if x.dtype.kind == "f" else x  # noqa: E731
    return jax.tree.map(as_dtype, tables)


def _data(case: Case) -> tuple[Any, Any]:
    x, y = case.batches()
    return jnp.asarray(x), batches.as_targets(key_of(case), jnp.asarray(y))


def passes(case: Case, peer: Named) -> dict[str, np.ndarray]:
    """From the peer's states: `loss`, `grad/...`, `z/l`, `h/l`, `g/l`, `delta/l`; with batch
    normalization the running `mean/l` and `variance/l` behind the step."""
    key = key_of(case)
    with precision(case.dtype):
        params = to_blocks(key, peer, prefixed("before/"))
        running = tuple({} for _ in key.blocks)
        if case.norm == "batch":
            running = to_blocks(key, _before_step(case, peer), STATISTICS)[:-1]
        program = _pass_program(_any_optimizer(key))
        result = program(params, running, tables_of(case), *_data(case))
        loss, gradients, taps, seen, moved = jax.tree.map(np.asarray, result)
    return {
        "loss": loss,
        **from_blocks(gradients, prefixed("grad/")),
        **from_blocks(taps, {"z": "z", "h": "h"}),
        **from_blocks(seen, {"g": "g", "delta": "delta"}),
        **from_blocks(moved, STATISTICS),
    }


def _before_step(case: Case, peer: Named) -> dict[str, np.ndarray]:
    """The peer's running statistics before each step: 0 and 1 at first."""
    shifted = {}
    for layer in range(1, len(case.widths) + 1):
        for name, first in (("mean", 0.0), ("variance", 1.0)):
            values = peer[f"{name}/{layer}"]
            shifted[f"{name}/{layer}"] = np.concatenate(
                [np.full_like(values[:1], first), values[:-1]]
            )
    return shifted


def gauges(case: Case, peer: Named) -> dict[str, np.ndarray]:
    """Every gauge at the peer's states, (states, layers)."""
    key = key_of(case)
    changes = {k: peer[k] - peer[k.replace("after", "before")] for k in peer if "after/" in k}
    with precision(case.dtype):
        program = _gauge_program(_any_optimizer(key))
        probed, stepped = program(
            to_blocks(key, peer, prefixed("before/")),
            tables_of(case),
            *case.batches(),
            to_blocks(key, peer, prefixed("grad/")),
            to_blocks(key, changes, prefixed("after/")),
        )
        return {k: np.asarray(v) for k, v in {**probed, **stepped}.items()}


def inference_loss(case: Case, peer: Named) -> float:
    """Loss of the last batch behind the last step, in inference mode."""
    key = key_of(case)
    x, y = case.batches()
    with precision(case.dtype):
        state = step.State(
            last_of(to_blocks(key, peer, prefixed("after/"))),
            (),
            last_of(to_blocks(key, peer, STATISTICS)[:-1]),
            np.int32(case.states),
        )
        program = jax.jit(functools.partial(epochs.evaluate, key), compiler_options=QUICK)
        loss, _ = program(state, tables_of(case), jnp.asarray(x[-1]), jnp.asarray(y[-1]))
        return float(loss)


def last_of(tree: Any) -> Any:
    return jax.tree.map(lambda x: x[-1], tree)


def free_run(case: Case, through_float32: bool = False) -> dict[str, np.ndarray]:
    """The engine's own trajectory from the case's initial parameters: `loss`, (states,), and
    `after/...`, (1, ...), behind the last step.

    With the programs that are compiled already: as many copies of one training side by side as
    those have states.

    Args:
        through_float32: see `rates_of`.
    """
    key, losses = key_of(case), []

    def copies(tree: Any) -> Any:
        return jax.tree.map(lambda x: np.repeat(np.asarray(x)[None], case.states, axis=0), tree)

    initial = {f"before/{name}": copies(value) for name, value in case.initial().items()}
    with precision(case.dtype):
        tables, data, rates = tables_of(case), _data(case), rates_of(case, through_float32)
        params = to_blocks(key, initial, prefixed("before/"))
        running = tuple({} for _ in key.blocks)
        slots = (jax.tree.map(np.zeros_like, params),) * OPTIMIZERS[case.optimizer].slots
        state = step.State(params, slots, running, np.zeros(case.states, np.int32))
        for at in range(case.states):
            batch, rates_now = copies(jax.tree.map(lambda x, at=at: x[at], (data, rates)))
            result = _pass_program(_any_optimizer(key))(state.params, running, tables, *batch)
            losses.append(float(result[0][0]))
            _, state = _update_program(key)(state, result[1], rates_now)
        after = jax.tree.map(lambda x: np.asarray(x)[:1], state.params)
    return {"loss": np.asarray(losses), **from_blocks(after, prefixed("after/"))}


def _through_float32(value: float) -> float:
    return float(np.float32(value))


def bias_correction(steps: np.ndarray, beta_1: float, beta_2: float) -> np.ndarray:
    """Kingma & Ba (2015), end of section 2: sqrt(1 - beta_2^t) / (1 - beta_1^t)."""
    return np.sqrt(1 - beta_2**steps) / (1 - beta_1**steps)


def rates_of(case: Case, through_float32: bool = False) -> step.Rates:
    """Every step's rates, (states,) each.

    Args:
        through_float32: as TensorFlow has them, which takes constants through float32 in float64
            too: 0.999 is 0.999000012875. For momentum and decay that is another number; for
            Adam's bias corrections a factor, 6.7e-6 from 1 at the first step.
    """
    momentum, decay = MOMENTUM, WEIGHT_DECAY
    factor, steps = np.ones(case.states), np.arange(1, case.states + 1)
    if through_float32:
        momentum, decay = _through_float32(momentum), _through_float32(decay)
        if case.optimizer.startswith("adam"):
            theirs = bias_correction(steps, _through_float32(0.9), _through_float32(0.999))
            factor = theirs / bias_correction(steps, 0.9, 0.999)
    # The decay is multiplied by the rate, too, and has no bias correction.
    values = (case.learning_rate * factor, momentum, decay / factor, case.clip_norm, 0, case.states)
    return step.Rates(*(np.broadcast_to(v, case.states).astype(case.dtype) for v in values))


@functools.cache
def _update_program(key: ProgramKey) -> Any:
    program = jax.vmap(functools.partial(step.update, key))
    return jax.jit(program, compiler_options=QUICK)


def updates(case: Case, peer: Named, through_float32: bool = False) -> dict[str, np.ndarray]:
    """`change/...` and the new `slot0/...` of the engine's optimizer from the peer's states,
    slots and gradients.

    Args:
        through_float32: see `rates_of`.
    """
    key = key_of(case)
    slots = OPTIMIZERS[case.optimizer].slots
    with precision(case.dtype):
        state = step.State(
            to_blocks(key, peer, prefixed("before/")),
            tuple(to_blocks(key, peer, prefixed(f"slot{k}/")) for k in range(slots)),
            tuple({} for _ in key.blocks),
            np.arange(case.states, dtype=np.int32),
        )
        gradients = to_blocks(key, peer, prefixed("grad/"))
        changed = _update_program(key)(state, gradients, rates_of(case, through_float32))
        changes, after = jax.tree.map(np.asarray, changed)
    named = {**from_blocks(changes, prefixed("change/"))}
    for k, slot in enumerate(after.slots):
        named |= from_blocks(slot, prefixed(f"slot{k}/"))
    return named
