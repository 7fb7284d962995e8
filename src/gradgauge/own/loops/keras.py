"""A compiled Keras model: its own `fit`, on batches in an order of ours."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np

from gradgauge.own.data import Batches, Tree
from gradgauge.own.loops.loop import Facts, OnStep, Watching
from gradgauge.own.made import Made
from gradgauge.own.score import loss_kind
from gradgauge.run import Run
from gradgauge.watchers.keras.callback import Callback
from gradgauge.watchers.keras.seen import value_of
from gradgauge.watchers.keras.watcher import KerasWatcher


class KerasLoop:
    """See Loop.

    Args:
        made: a compiled model.
    """

    model: Any

    def __init__(self, made: Made):
        self.model = made.model
        self._counting: _Counting | None = None

    def facts(self) -> Facts:
        """See Loop."""
        optimizer, loss = self.model.optimizer, self.model.loss
        rate = float(f"{float(np.asarray(value_of(optimizer.learning_rate))):.7g}")
        kind = loss_kind(loss)
        name = loss if isinstance(loss, str) else getattr(loss, "name", _name_of(loss))
        trainable = sum(math.prod(v.shape) for v in self.model.trainable_variables)
        backend, here = keras.config.backend(), on_cpu(self.model)
        return Facts(trainable, optimizer.name, rate, str(name), kind, backend, on_cpu=here)

    def takes(self, x: Tree, y: np.ndarray) -> str:
        """See Loop."""
        del y
        if self.model.built and getattr(self.model, "inputs", None):
            return self._other_shape(x)
        try:
            self.model(x, training=False)
        # What a user's model answers to a wrong shape is whatever its parts happen to raise.
        except Exception as error:  # noqa: BLE001
            return str(error).strip().partition("\n")[0] or type(error).__name__
        return ""

    def _other_shape(self, x: Tree) -> str:
        wanted = [tuple(t.shape) for t in keras.tree.flatten(self.model.inputs)]
        got = [np.shape(leaf) for leaf in keras.tree.flatten(x)]
        fits = len(wanted) == len(got) and all(
            len(w) == len(g) and all(a is None or a == b for a, b in zip(w[1:], g[1:], strict=True))
            for w, g in zip(wanted, got, strict=True)
        )
        return "" if fits else f"{wanted} != {got}"

    def weights(self) -> list[np.ndarray]:
        """See Loop."""
        return [np.array(value_of(v)) for v in self.model.trainable_variables]

    def broke(self) -> bool:
        """See Loop."""
        return self._counting is not None and self._counting.broke

    def train(
        self,
        batches: Batches,
        watching: Watching | None = None,
        on_step: OnStep | None = None,
        most: int | None = None,
    ) -> Run | None:
        """See Loop."""
        callbacks: list[Any] = []
        watcher = None
        if watching is not None:
            watcher = KerasWatcher(
                self.model,
                watching.x,
                watching.y,
                every=watching.every,
                norms_every=watching.norms_every,
                name=watching.name,
            )
            callbacks.append(watcher)
        data = _InOrder(batches)
        self._counting = _Counting(data, on_step, most)
        self.model.fit(
            data,
            epochs=batches.epochs,
            shuffle=False,
            verbose=0,
            callbacks=[*callbacks, self._counting],
        )
        return watcher.run if watcher is not None else None

    def outputs(self, x: Tree, size: int) -> np.ndarray | None:
        """See Loop."""
        out = keras.tree.flatten(self.model.predict(x, batch_size=size, verbose=0))
        return np.asarray(out[0]) if len(out) == 1 else None

    def loss(self, x: Tree, y: np.ndarray, size: int) -> float:
        """See Loop."""
        found = self.model.evaluate(x, y, batch_size=size, verbose=0, return_dict=True)
        return float(found["loss"])


def _name_of(loss: Any) -> str:
    return getattr(loss, "__name__", type(loss).__name__)


class _InOrder(keras.utils.PyDataset):
    """The batches of the epoch that is told. `fit` looks at a batch before the first epoch, and
    says then, too, that an epoch has ended: only a callback knows which one it is."""

    def __init__(self, batches: Batches):
        super().__init__(workers=0)
        self._batches, self._orders = batches, list(batches.orders())
        self._order = self._orders[0]

    def __len__(self) -> int:
        return self._batches.per_epoch

    def __getitem__(self, number: int) -> tuple[Tree, np.ndarray]:
        return self._batches.batch(self._order, number)

    def begin(self, epoch: int) -> None:
        """Epoch number `epoch`, from 0, begins."""
        self._order = self._orders[epoch]


class _Counting(Callback):
    """Says which epoch begins and counts steps; ends the training after the last one, or at a loss that is not finite."""

    def __init__(self, data: _InOrder, on_step: OnStep | None, most: int | None):
        super().__init__()
        self.made, self.broke = 0, False
        self._data = data
        self._on_step, self._most = on_step, most

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        del logs
        self._data.begin(epoch)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        del batch
        self.made += 1
        if self._on_step is not None:
            self._on_step(self.made)
        if not math.isfinite(float(np.mean((logs or {}).get("loss", 0.0)))):
            self.broke = True
        if self.broke or self.made == self._most:
            self._mine().stop_training = True

    def _mine(self) -> Any:
        return self.model


def on_cpu(model: Any) -> bool:
    """Whether a model's weights lie in this machine's own memory, on any backend."""
    places = [str(getattr(v.value, "device", "")) for v in model.trainable_variables]
    return all(not place or "cpu" in place.lower() for place in places)
