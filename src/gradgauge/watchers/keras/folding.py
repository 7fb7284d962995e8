"""Which normalizations are a part of the layer before them: those that alone read its output.

Who reads a tensor no wrapper sees: a residual sum is an operator of the backend. But what comes
back to a layer is the sum over its readers, and what comes back to the normalization's own input
is of the normalization alone. Where both are equal, nobody else reads the layer.
"""

from __future__ import annotations

from collections.abc import Collection

import keras
import numpy as np

from gradgauge.watchers.keras.one_pass import PassResult
from gradgauge.watchers.keras.taps import Call, Taps


def fold_norms(taps: Taps, passed: PassResult, known: Collection[int] | None) -> set[int]:
    """Make a normalization a part of the layer before it, where it alone reads that and an
    activation follows, or where it is a batch normalization. Once for each pass's taps.

    Where no gradient came, nothing is known: the normalization is then a layer by itself, of
    which all figures are right as well.

    Args:
        taps: of one pass.
        passed: what it gave.
        known: what an earlier pass of this model has found: one Run has one list of layers.

    Returns:
        Ids of the layers that are parts.
    """
    if taps.folded is not None:
        return taps.folded
    norms = [call for call in taps.calls if call.before is not None]
    alone = {
        id(norm): _is_part(norm, passed) if known is None else id(norm.layer) in known
        for norm in norms
    }
    whole = {id(call.layer) for call in taps.calls if not alone.get(id(call), False)}
    parts = [norm for norm in norms if id(norm.layer) not in whole]
    taps.folded = {id(norm.layer) for norm in parts}
    for norm in parts:
        _fold(taps, norm)
    taps.calls = [call for call in taps.calls if call.row is not None]
    return taps.folded


def _is_part(norm: Call, passed: PassResult) -> bool:
    if norm.before is None:
        return False
    call, entered = norm.before
    if call.row is None or call.row.info.kind in ("embedding", "normalization"):
        return False
    if norm.bare and not isinstance(norm.layer, keras.layers.BatchNormalization):
        return False
    out, into = passed.grads[call.h], passed.grads[entered]
    if out is None or into is None or out.shape != into.shape or not out.any():
        return False
    return bool(np.array_equal(out, into, equal_nan=True))


def _fold(taps: Taps, norm: Call) -> None:
    if norm.before is None:
        return
    call, norm.row = norm.before[0], None
    call.z, call.h, call.shape = norm.z, norm.h, norm.shape
    call.activation, call.label = norm.activation, norm.label
    call.bare, call.used = norm.bare, norm.used
    if id(norm.layer) in taps.outputs:
        taps.outputs.add(id(call.layer))
