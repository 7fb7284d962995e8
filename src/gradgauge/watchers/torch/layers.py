"""The layers of a PyTorch model that is watched: their rows, their weights, who shares them."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from gradgauge.watchers.recorder import Recorder
from gradgauge.watchers.torch.modules import Row, candidates, is_lazy
from gradgauge.watchers.torch.seen import describe, describe_row, in_call_order
from gradgauge.watchers.torch.spread import Spread
from gradgauge.watchers.torch.taps import Taps
from gradgauge.watchers.torch.weights import Weights


class Layers:
    """The layers, from those that a model's definition has to those that were called.

    Args:
        model: the module.
        recorder: told of the layers once they are known.
        biases: whether biases have rows of their own.

    Attributes:
        rows: in the order of the definition; of calls, once `start` has seen them.
        weights: of the rows.
        spread: which weights are spread over processes.
    """

    rows: list[Row]
    weights: Weights
    spread: Spread

    def __init__(self, model: nn.Module, recorder: Recorder, biases: bool = False):
        self._model, self._recorder, self._biases = model, recorder, biases
        self._gone: set[int] = set()
        self.find()

    def find(self) -> None:
        """Look for them anew: lazy ones have shapes by now, or others stand in their place."""
        found = candidates(self._model, self._biases)
        self.rows = self._as_before(found) if self._recorder.started else found
        self.weights = Weights(self.rows, self._model)
        self.spread = Spread(self.weights.parameters)
        self._lazy = [p for p in self._model.parameters() if is_lazy(p)]
        self._known = {id(w) for row in found for w in row.weights}

    def _as_before(self, found: list[Row]) -> list[Row]:
        """The Run's rows with the parameters that are there now."""
        by_name = {row.info.name: row for row in found}
        for row in self.rows:
            now = by_name.get(row.info.name)
            if now is None:
                self._gone.add(id(row))
            else:
                row.module, row.weights = now.module, now.weights
        return self.rows

    @property
    def were_replaced(self) -> bool:
        """Whether others stand where the layers' parameters were, as `fully_shard` puts them there,
        or a loaded state (`assign=True`), or a new head: asked of the first and the last layer."""
        return any(
            not self._stands(row) or all(p is not row.weights[0] for p in row.module.parameters())
            for row in (*self.rows[:1], *self.rows[-1:])
            if row.weights
        )

    def _stands(self, row: Row) -> bool:
        """Whether its module is still where its name says, as far as it can be found anew."""
        if row.alone or row.module is self._model or id(row) in self._gone:
            return True
        try:
            return self._model.get_submodule(row.info.name) is row.module
        except AttributeError:
            return False

    def note_late(self) -> None:
        """Say which parameters the model has got on the way, or others in their place."""
        for row in candidates(self._model, self._biases):
            if not all(id(weight) in self._known for weight in row.weights):
                self._recorder.note("gradients", "came_later", row.info.name)

    @property
    def are_sharded(self) -> bool:
        """Whether parts of the model gather their weights for a pass, and release them after it."""
        parts = self._model.modules()
        return any(hasattr(part, "unshard") and hasattr(part, "reshard") for part in parts)

    @property
    def has_lazy(self) -> bool:
        """Whether some had no shapes yet when they were looked for."""
        return bool(self._lazy)

    @property
    def has_grown(self) -> bool:
        """Whether some of those have shapes now."""
        return bool(self._lazy) and not all(map(is_lazy, self._lazy))

    def start(self, taps: Taps | None) -> None:
        """They are known: as they were called, if they were seen being called."""
        taps = taps or Taps(self._model, self.rows)
        # What looked like a scale by itself may have turned out to be a normalization's.
        found = {id(row.module) for row in taps.found or ()}
        scales = [r for r in self.rows if r.info.kind == "scale" and id(r.module) in found]
        rows = [row for row in self.rows if row not in scales]
        self.rows = in_call_order([*rows, *(taps.found or ())], taps)
        self._recorder.start(describe(self.rows, taps))
        for row in self.rows:
            if not row.info.trainable:
                self._recorder.note("gradients", "frozen", row.info.name)

    def refresh(
        self, taps: Taps | None, gradient: Callable[[nn.Parameter], torch.Tensor | None]
    ) -> None:
        """Layers may be unfrozen on the way, and a step may use others than the first one did:
        networks that are trained in turn, experts that had nothing to do.

        Args:
            taps: of a later step; None: its signals are not read.
            gradient: of a parameter in that step; None: there is none.
        """
        notes = [note for note in self._recorder.notes if note.reason == "frozen"]
        frozen = {name for note in notes for name in note.layers}
        for row in self.rows:
            if row.info.name in frozen and any(w.requires_grad for w in row.weights):
                row.info.trainable = True
                self._recorder.withdraw("gradients", "frozen", row.info.name)
        if taps is None:
            return
        for row in self.rows:
            if not row.has_learned and all(gradient(w) is not None for w in row.weights):
                row.has_learned = True
                self._take_back(row, "gradients", "no_gradient")
            if row.info.units or row.alone:
                continue
            if describe_row(row, taps):
                for reason in ("no_call", "not_called", "unrecorded"):
                    self._take_back(row, "signals", reason)
            elif row.unrecorded:
                self._recorder.withdraw("signals", "not_called", row.info.name)
        if taps.calls:
            self._recorder.withdraw("signals", "no_call")

    def _take_back(self, row: Row, subject: str, reason: str) -> None:
        """What was said of a layer holds for some steps only."""
        name, notes = row.info.name, self._recorder.notes
        said = [n for n in notes if (n.subject, n.reason) == (subject, reason)]
        if any(name in note.layers or not note.layers for note in said):
            self._recorder.withdraw(subject, reason, name)
            self._recorder.note(subject, "not_every_step", name)
