"""What a layer is for, by what is done with its output: read from values and gradients.

What stands between two layers no wrapper sees: attention written by hand, a gate, a residual sum
are operators of the backend. But their formulas leave traces in the numbers. Attention's result is
linear in the values, so sum(v dL/dv) is sum(a dL/da); the scores are linear in queries and in
keys, so sum(q dL/dq) is sum(k dL/dk); a shift of all keys changes no softmax, so dL/dk adds up to
0 over positions.
"""

from __future__ import annotations

import numpy as np

from gradgauge.watchers.keras.one_pass import PassResult
from gradgauge.watchers.keras.taps import Call, Taps
from gradgauge.watchers.measure import eps_of
from gradgauge.watchers.recognition import EPS_FLOAT32, Sample, recognized

_ROUNDINGS = 512
"""Roundings that a sum over all entries of a pass may differ by."""

_FAR_FROM_ZERO = 0.1
"""In shares of the root mean square: entries that one may divide by."""


def find_roles(taps: Taps, passed: PassResult) -> None:
    """Fill in the role of the layers' rows, as far as the numbers of a pass show it."""
    finder = _Finder(taps, passed)
    for at in range(len(finder.matrices)):
        finder.attention_before(at)
        finder.gate_before(at)
        finder.pair_before(at)


class _Finder:
    def __init__(self, taps: Taps, passed: PassResult):
        self._taps, self._passed = taps, passed
        self.matrices = [
            call
            for call in taps.calls
            if call.row is not None and call.row.info.kind in ("dense", "other")
        ]

    def _free(self, call: Call) -> bool:
        return call.row is not None and not call.row.info.role

    def attention_before(self, at: int) -> None:
        """Whether what goes into a layer is attention over those before it."""
        out, before = self.matrices[at], [c for c in self.matrices[:at] if self._free(c)]
        if not out.from_outside or not self._free(out):
            return
        wanted, size = self._power(out.entered)
        three = before[-3:]
        if size and len(three) == 3 and len({call.source for call in three}) < 3:
            powers = [self._power(call.z)[0] for call in three]
            for value in range(3):
                query, key = (i for i in range(3) if i != value)
                close = self._alike(out, powers[value], wanted, size)
                if close and self._alike(out, powers[query], powers[key], size):
                    if self._cancels(three[query]) and not self._cancels(three[key]):
                        query, key = key, query
                    for i, role in ((query, "q"), (key, "k"), (value, "v")):
                        _put(three[i], role)
                    _put(out, "o")
                    return
        if size and before and self._is_fused(before[-1], out, wanted, size):
            _put(before[-1], "qkv")
            _put(out, "o")

    def _is_fused(self, fused: Call, out: Call, wanted: float, size: float) -> bool:
        """Whether one layer gives queries, keys and values side by side."""
        entered = self._value(out.entered)
        if entered is None or fused.shape[-1] != 3 * entered.shape[-1]:
            return False
        query, key, value = (self._power(fused.z, part)[0] for part in range(3))
        return self._alike(out, value, wanted, size) and self._alike(out, query, key, size)

    def gate_before(self, at: int) -> None:
        """down(f(gate(x)) * up(x))."""
        down, before = self.matrices[at], self.matrices[max(0, at - 2) : at]
        entered = self._value(down.entered)
        if len(before) < 2 or entered is None or not all(map(self._free, (*before, down))):
            return
        if before[0].source is None or before[0].source != before[1].source:
            return
        for gate, up in (before, before[::-1]):
            if up.z == up.h and self._is_gated(entered, gate, up):
                _put(gate, "gate")
                _put(up, "up")
                _put(down, "down")
                return

    def _is_gated(self, product: np.ndarray, gate: Call, up: Call) -> bool:
        factor, z, h = (self._value(n) for n in (up.z, gate.z, gate.h))
        if factor is None or z is None or h is None or not factor.shape == z.shape == product.shape:
            return False
        eps = eps_of(gate.layer.compute_dtype)
        if gate.z != gate.h:
            return _close(product, h * factor, eps)
        far = np.abs(factor) > _FAR_FROM_ZERO * np.sqrt(np.mean(np.square(factor)))
        known = recognized(Sample(z[far], product[far] / factor[far], eps=eps / _FAR_FROM_ZERO))
        return known is not None and known.name != "linear"

    def pair_before(self, at: int) -> None:
        """x + down(f(up(x))): to another width, and back into the stream."""
        down = self.matrices[at]
        up = down.reads
        if up is None or up not in self.matrices[:at] or not (self._free(up) and self._free(down)):
            return
        if up.row is None or up.label == "linear" or up.row.info.fan_in != down.shape[-1]:
            return
        stream = up.reads if up.reads is not None and up.reads.is_norm else up
        before, branch = self._value(stream.entered), [self._value(down.h)]
        branch += [self._value(c.h) for c in self._taps.calls if c.reads is down]
        later = [self._value(n) for n in self._taps.sums]
        later += [self._value(call.entered) for call in self._taps.calls]
        eps = eps_of(down.layer.compute_dtype)
        for change in branch:
            if before is None or change is None or before.shape != change.shape:
                continue
            total = before + change
            if any(
                s is not None and s.shape == total.shape and _close(s, total, eps) for s in later
            ):
                wider = up.shape[-1] >= up.row.info.fan_in
                _put(up, "up" if wider else "down")
                _put(down, "down" if wider else "up")
                return

    # -- numbers

    def _value(self, number: int | None) -> np.ndarray | None:
        return None if number is None else self._passed.values[number]

    def _power(self, number: int | None, part: int | None = None) -> tuple[float, float]:
        """Sum of value times gradient, and of its magnitudes; of a third of the units."""
        value = self._value(number)
        gradient = None if number is None else self._passed.grads[number]
        if value is None or gradient is None:
            return np.nan, 0.0
        product = value.astype(np.float64) * gradient
        if part is not None:
            product = np.split(product, 3, axis=-1)[part]
        return float(product.sum()), float(np.abs(product).sum())

    def _alike(self, call: Call, one: float, other: float, size: float) -> bool:
        eps = max(eps_of(call.layer.compute_dtype), EPS_FLOAT32)
        return abs(one - other) <= min(_ROUNDINGS * eps, 0.01) * size

    def _cancels(self, call: Call) -> bool:
        """Whether its gradient adds up to nothing over positions, as that of keys does."""
        gradient = None if call.z is None else self._passed.grads[call.z]
        if gradient is None or gradient.ndim < 3:
            return False
        total = np.linalg.norm(gradient.astype(np.float64).sum(1))
        return bool(total < 0.01 * np.linalg.norm(gradient))


def _close(one: np.ndarray, other: np.ndarray, eps: float) -> bool:
    scale = float(np.max(np.abs(other), initial=0.0))
    return bool(np.max(np.abs(one - other), initial=0.0) <= 16 * eps * scale)


def _put(call: Call, role: str) -> None:
    if call.row is not None:
        call.row.info.role = role
