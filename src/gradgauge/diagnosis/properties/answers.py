"""All properties of a model, asked one after the other."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from gradgauge.diagnosis.properties.bounds import Bounds
from gradgauge.diagnosis.properties.experiment import Loose, LossCall, Pairing, SummedAxis
from gradgauge.diagnosis.properties.foresight import Foresight
from gradgauge.diagnosis.properties.in_time import Cut
from gradgauge.diagnosis.properties.indices import Outside
from gradgauge.diagnosis.properties.mixing import Mixing
from gradgauge.diagnosis.properties.modes import Modes
from gradgauge.diagnosis.properties.order import Order
from gradgauge.diagnosis.properties.reach import Reach

_LOG = logging.getLogger(__name__)
_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class Properties:
    """The answers; None where a property could not be asked.

    Attributes:
        names: of the weights that `reach` speaks of.
        mixing, reach, modes, order: see there.
        loose: tensors that take part and that nothing moves.
        mispaired: an operation that holds every output against every target.
        calls: losses of the framework's own within the user's loss.
        indices: indices beyond a table that they are looked up in; None: not asked.
        summed: a softmax whose weights are summed along another axis.
        in_time: how far back along a sequence the gradient reaches.
        plain_batch_statistics: whether a normalization layer keeps no running statistics.
        bounds: what the outputs can reach.
        strangers: how many tensors the optimizer has that neither the model nor the loss knows.
        unadapted: name of a layer that should normalize the inputs and was never told how.
        foresight: whether outputs see what they are to predict.
        remembered: share of the samples whose outputs change with the batch before, though rows
            come in random order.
    """

    names: tuple[str, ...] = ()
    mixing: Mixing | None = None
    reach: Reach | None = None
    modes: Modes | None = None
    order: Order | None = None
    loose: tuple[Loose, ...] = ()
    mispaired: Pairing | None = None
    calls: tuple[LossCall, ...] = ()
    indices: tuple[Outside, ...] | None = None
    summed: SummedAxis | None = None
    in_time: Cut | None = None
    plain_batch_statistics: bool = False
    bounds: Bounds | None = None
    strangers: int = 0
    unadapted: str = ""
    foresight: Foresight | None = None
    remembered: float = 0.0


def asked(ask: Callable[[], _Answer]) -> _Answer | None:
    """An answer, or None where the user's own code does not bear the question.

    A model may refuse a batch that is cut short, a loss other outputs than its own; whatever it
    raises then says nothing about the training. What it warns of it will warn of there.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ask()
    except Exception:  # noqa: BLE001 user code may raise anything; the training still shows it
        _LOG.debug("a property could not be asked", exc_info=True)
        return None
