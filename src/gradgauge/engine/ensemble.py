"""Members that share a program key, ready to be trained: each alone on CPU, in blocks under vmap on a GPU."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from gradgauge.engine import build, layout
from gradgauge.engine.program_key import ProgramKey
from gradgauge.engine.programs import STORE, Compiling, Programs
from gradgauge.engine.step import Rates, State
from gradgauge.parts.optimizers import OPTIMIZERS
from gradgauge.spec.network import NetworkSpec
from gradgauge.spec.training import TrainingSpec


@dataclass(frozen=True)
class Member:
    """One network to train once."""

    network: NetworkSpec
    training: TrainingSpec
    seed: int
    adjust: build.Adjust | None = None


@dataclass(frozen=True)
class DeviceData:
    """A dataset where the programs can read it."""

    x_train: Any
    y_train: Any
    x_test: Any
    y_test: Any
    x_probe: Any
    y_probe: Any


class MemberGroup:
    """Members that run as one: a single one on CPU, a block of them under vmap.

    Args:
        key: what their programs depend on.
        members: all of that key.
        data: what they are trained on.
        batched: whether they run under vmap, with a leading axis.
        compiling: counts the seconds that compiling for them takes.
    """

    key: ProgramKey
    members: Sequence[Member]
    data: DeviceData
    batched: bool
    compiling: Compiling
    state: Any
    tables: Any
    rates: Any
    shuffles: list[np.random.Generator]

    def __init__(
        self,
        key: ProgramKey,
        members: Sequence[Member],
        data: DeviceData,
        batched: bool,
        compiling: Compiling,
    ):
        self.key, self.members, self.data, self.batched = key, members, data, batched
        self.compiling = compiling
        parts = [self._arguments(member) for member in members]
        stack = (lambda *x: np.stack(x)) if batched else (lambda *x: x[0])
        # device_put, not asarray: that compiles a program for every shape.
        arguments = jax.device_put(jax.tree.map(lambda *x: stack(*x), *parts))
        self.state, self.tables, self.rates = arguments
        self.shuffles = [build.generator(m.seed, build.SHUFFLES) for m in members]

    def _arguments(self, member: Member) -> tuple[State, Any, Rates]:
        key, training = self.key, member.training
        params = build.initial_parameters(member.network, member.seed)
        if member.adjust:
            params = member.adjust(params)
        params = layout.apart(key, params)
        zeros = jax.tree.map(np.zeros_like, params)
        state = State(
            params,
            (zeros,) * OPTIMIZERS[key.optimizer].slots,
            layout.apart(key, build.initial_running(member.network)),
            np.zeros((), np.int32),
        )
        samples = len(self.data.y_train)
        rates = Rates(
            training.learning_rate,
            training.momentum,
            training.weight_decay,
            training.clip_norm,
            training.warmup_steps,
            training.steps_per_epoch(samples) * training.epochs,
        )
        tables = build.layer_tables(member.network, key.activations)
        as_dtype = lambda x: np.asarray(x, key.dtype) if _is_float(x) else np.asarray(x)  # noqa: E731
        rates = Rates(*(np.asarray(r, key.dtype) for r in rates))
        return jax.tree.map(as_dtype, (state, tables, rates))

    def order(self) -> Any:
        """The next epoch's shuffles, (samples,) or (members, samples)."""
        samples = len(self.data.y_train)
        orders = [rng.permutation(samples).astype(np.int32) for rng in self.shuffles]
        return jax.device_put(np.stack(orders) if self.batched else orders[0])

    def programs(self) -> Programs:
        """The compiled programs for this group's shapes."""
        data, zero = self.data, np.int32(0)
        samples = len(data.y_train)
        shape = (len(self.members), samples) if self.batched else (samples,)
        order = jax.ShapeDtypeStruct(shape, np.int32)
        stop = np.zeros(len(self.members), np.int32) if self.batched else zero
        training = (data.x_train, data.y_train, order, zero, stop)
        return STORE.get(
            self.key,
            self.batched,
            {
                "run_steps": (self.state, self.tables, self.rates, *training),
                "probe": (self.state.params, self.tables, data.x_probe, data.y_probe),
                "evaluate": (self.state, self.tables, data.x_test, data.y_test),
            },
            self.compiling,
        )

    def by_member(self, tree: Any) -> Any:
        """Results as NumPy arrays with a leading axis of members."""
        return jax.tree.map(lambda x: np.asarray(x) if self.batched else np.asarray(x)[None], tree)


def _is_float(x: Any) -> bool:
    return np.asarray(x).dtype.kind == "f"
