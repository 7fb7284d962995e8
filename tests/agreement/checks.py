"""What a peer's trajectory is held against: the same checks for every peer.

The peer trains; from each of its states, gradgauge makes the pass and the update of its own.
So rounding cannot pile up, and loss and gradients are judged apart from updates.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping

import numpy as np
import torch

from tests.agreement import ours
from tests.agreement.cases import Case
from tests.agreement.compare import deviation, note
from tests.agreement.peer_pytorch import ACTIVATIONS, exact_passes

Named = Mapping[str, np.ndarray]

PASS_TOLERANCE = {"float32": 2e-5, "float64": 1e-10}
UPDATE_TOLERANCE = {"float32": 2e-5, "float64": 1e-9}
GAUGE_TOLERANCE = {"float32": 1e-5, "float64": 1e-10}
MOST_EXCLUDED = 0.1
"""Share of states that the rule about kinks may leave out before a test says that it is blind."""


def kept_states(case: Case, peer: Named) -> np.ndarray:
    """States that take part: all but those `Case.near_a_kink` leaves out, few of them."""
    near = case.near_a_kink(dict(peer))
    note("excluded", case.name, {"states": int(near.sum()), "of": case.states})
    assert near.mean() <= MOST_EXCLUDED
    return ~near


def check_pass(case: Case, peer: Named) -> None:
    """Loss, every gradient, every z, h, g and delta, from the peer's own states.

    In float32 the peer rounds, too: a bias's gradient, summed over samples of both signs, may be
    3e-5 off in PyTorch and 2.2e-5 in Keras, and which way depends on the processor. So there both
    are also held against the pass in float64: gradgauge must be within the tolerance, and the
    peer's own error where that is a gradient's conditioning, of it and of the peer.
    """
    mine = ours.passes(case, peer)
    rows = kept_states(case, peer)
    checked = [k for k in peer if k.split("/")[0] in {"loss", "grad", "z", "h", "g", "delta"}]
    # The engine does not show the output layer's z and delta: its gradients do.
    last = len(case.shapes)
    checked = [k for k in checked if k not in (f"z/{last}", f"delta/{last}")]
    assert len(checked) == 1 + sum(k.startswith("before/") for k in peer) + 4 * len(case.widths)
    exact = exact_passes(case, peer) if case.dtype == "float32" else None
    figures, from_exact, beyond = {}, {"loss": 0.0}, {"loss": 0.0}
    for key in checked:
        unit = _unit(case, key, peer)[rows]
        allowed = np.abs(peer[key] - exact[key])[rows] if exact else 0.0
        figures[key] = deviation(mine[key][rows], peer[key][rows], unit, allowed)
        if exact:
            from_exact[key] = deviation(mine[key][rows], exact[key][rows], unit)
            beyond[key] = deviation(mine[key][rows], exact[key][rows], unit, allowed)
    worst = max(figures, key=figures.__getitem__)
    note(
        "pass",
        case.name,
        {"worst": figures[worst], "loss": figures["loss"], "from_exact": max(from_exact.values())},
    )
    assert figures[worst] <= PASS_TOLERANCE[case.dtype], (worst, figures[worst])
    assert max(beyond.values()) <= PASS_TOLERANCE[case.dtype], beyond


def _unit(case: Case, name: str, peer: Named) -> np.ndarray:
    """What a deviation is measured in: the tensor's largest entry, state by state.

    Batch normalization takes out whatever a bias adds, and a beta too where the activation between
    is linear: such a gradient is exactly 0, and both sides show rounding. There the layer's weight
    gradient is the measure.
    """
    kind, _, number = name.rpartition("/")
    layer = int(number) if kind else 0
    if case.norm == "batch" and 0 < layer <= len(case.widths):
        linear = case.activations[layer - 1] == "linear" and layer < len(case.widths)
        if kind == "grad/bias" or (kind == "grad/beta" and linear):
            return peer[f"grad/weight/{layer}"]
    return peer[name]


def check_update(
    case: Case, peer: Named, float64_tolerance: float, through_float32: bool = False
) -> None:
    """The optimizer's step, given the peer's own gradients and slots.

    The peer hands out weights, not changes: their difference is exact but for the rounding of the
    sum, half a unit in the last place of the weight.
    """
    mine = ours.updates(case, peer, through_float32)
    tolerance = {**UPDATE_TOLERANCE, "float64": float64_tolerance}[case.dtype]
    ulp = float(np.finfo(case.dtype).eps)
    figures = {}
    for name in (k.removeprefix("after/") for k in peer if k.startswith("after/")):
        before, after = (peer[f"{k}/{name}"].astype(np.float64) for k in ("before", "after"))
        change = mine[f"change/{name}"]
        assert change.any(), name
        figures[name] = deviation(before + change, after, after - before, ulp * np.abs(after))
        for k in range(2):
            slot = mine.get(f"slot{k}/{name}")
            if slot is not None and case.states > 1:
                figures[f"slot{k}/{name}"] = deviation(slot[:-1], peer[f"slot{k}/{name}"][1:])
    worst = max(figures, key=figures.__getitem__)
    note("update", case.name, {"worst": figures[worst]})
    assert figures[worst] <= tolerance, (worst, figures[worst])


def check_statistics(case: Case, peer: Named, samples: int, unbiased: bool) -> None:
    """Batch normalization's running mean and variance behind every step, and inference with the
    last ones.

    PyTorch's running variance takes in the unbiased variance, n / (n - 1) times Keras's and ours;
    what it takes in at a step is compared.
    """
    mine = ours.passes(case, peer)
    rows = kept_states(case, peer)
    figures = {}
    for layer in range(1, len(case.widths) + 1):
        key = f"mean/{layer}"
        figures[key] = deviation(mine[key][rows], peer[key][rows])
        key = f"variance/{layer}"
        theirs = peer[key].astype(np.float64)
        if unbiased:
            before = np.concatenate([np.ones_like(theirs[:1]), theirs[:-1]])
            taken = (theirs - 0.99 * before) * (samples - 1) / samples
            theirs = 0.99 * before + taken
        figures[key] = deviation(mine[key][rows], theirs[rows])
    if not unbiased:
        inference, theirs = ours.inference_loss(case, peer), float(peer["inference_loss"][0])
        figures["inference_loss"] = abs(inference - theirs) / abs(theirs)
    worst = max(figures, key=figures.__getitem__)
    note("statistics", case.name, {"worst": figures[worst]})
    assert figures[worst] <= PASS_TOLERANCE[case.dtype], (worst, figures[worst])


def check_free_run(
    case: Case, peer: Named, tolerance: float, through_float32: bool = False
) -> None:
    """Fifty steps without looking at each other: the losses on the way, the parameters at the end."""
    mine = ours.free_run(case, through_float32)
    figures = {"loss": float(np.max(np.abs(mine["loss"] / peer["loss"] - 1)))}
    for name in (k for k in peer if k.startswith("after/")):
        figures[name] = deviation(mine[name], peer[name][-1:])
    worst = max(figures, key=figures.__getitem__)
    note("free_run", case.name, {"worst": figures[worst], "loss": figures["loss"]})
    assert figures[worst] <= tolerance, (worst, figures[worst])


def check_gauges(case: Case, peer: Named) -> None:
    """Every gauge of the engine, against its definition applied to the peer's own arrays; in
    float32 with what the peer's own rounding takes, as in `check_pass`."""
    mine, rows = ours.gauges(case, peer), kept_states(case, peer)
    exact = {**peer, **exact_passes(case, peer)} if case.dtype == "float32" else peer
    figures: dict[str, float] = {}
    for layer in range(1, len(case.shapes) + 1):
        wanted, truth = (expected_gauges(case, arrays, layer) for arrays in (peer, exact))
        assert set(mine) == set(wanted) or layer > len(case.widths)
        for name, values in mine.items():
            unknown = np.full(case.states, np.nan)
            expected, true = (w.get(name, unknown)[rows] for w in (wanted, truth))
            got = values[rows, layer - 1].astype(np.float64)
            assert np.array_equal(np.isnan(got), np.isnan(expected)), (name, layer)
            gap = np.nan_to_num(np.abs(got - expected) - np.abs(expected - true))
            size = np.abs(expected)
            if name.endswith("_mean") and name[0] + "_std" in wanted:
                size = np.maximum(size, wanted[name[0] + "_std"][rows])
            if name == "saturated":
                gap = np.where(near_threshold(case, peer, layer)[rows], 0, gap)
            share = gap[gap > 0] / size[gap > 0]
            figures[name] = max(figures.get(name, 0.0), float(share.max(initial=0)))
    worst = max(figures, key=figures.__getitem__)
    note("gauges", case.name, {"worst": figures[worst], "of": worst})
    assert figures[worst] <= GAUGE_TOLERANCE[case.dtype], (worst, figures[worst])


def expected_gauges(case: Case, peer: Named, layer: int) -> dict[str, np.ndarray]:
    """CONTRACT section 2, word for word, in NumPy's float64; (states,) each.

    f' is PyTorch's derivative at the peer's own z.
    """
    size = lambda x: np.linalg.norm(x.reshape(len(x), -1).astype(np.float64), axis=1)  # noqa: E731
    delta, weight = peer[f"delta/{layer}"], peer[f"before/weight/{layer}"]
    gradient = peer[f"grad/weight/{layer}"]
    change = peer[f"after/weight/{layer}"].astype(weight.dtype) - weight
    values = {
        "delta_norm": size(delta),
        "weight_norm": size(weight),
        "weight_grad_norm": size(gradient),
        "weight_grad_rms": size(gradient) / np.sqrt(gradient[0].size),
        "update_ratio": size(change) / size(weight),
    }
    if layer > len(case.widths):
        return values
    g, above = peer[f"g/{layer}"], peer[f"delta/{layer + 1}"]
    z, h = (peer[f"{k}/{layer}"].astype(np.float64) for k in ("z", "h"))
    name = case.activations[layer - 1]
    slope = slope_by_pytorch(name, z)
    flat = FLAT.get(name, lambda z: np.zeros(z.shape, bool))(z)
    saturated = (np.abs(slope) < 0.05 * max_slope(name)).mean(axis=(1, 2))
    return values | {
        "g_norm": size(g),
        "backward_gain": size(delta) / size(above),
        "weight_gain": size(g) / size(above),
        "slope_gain": size(g * slope) / size(g),
        "z_mean": z.mean(axis=(1, 2)),
        "z_std": z.std(axis=(1, 2)),
        "h_mean": h.mean(axis=(1, 2)),
        "h_std": h.std(axis=(1, 2)),
        "signal_spread": h.var(axis=1).sum(axis=1) / (h**2).mean(axis=1).sum(axis=1),
        "saturated": saturated if name in SATURATING else np.full(len(z), np.nan),
        "inactive": flat.mean(axis=(1, 2)),
        "dead": flat.all(axis=1).mean(axis=1),
    }


FLAT = {
    "relu": lambda z: z <= 0,
    "relu6": lambda z: (z <= 0) | (z >= 6),
    "hardtanh": lambda z: np.abs(z) >= 1,
    "hard_sigmoid": lambda z: np.abs(z) >= 3,
}
"""Where f' is exactly 0. Nowhere else: where another slope rounds to 0 in PyTorch (gelu_tanh from
-6 on), it is only small."""


SATURATING = {
    "sigmoid",
    "tanh",
    "erf",
    "arctan",
    "softsign",
    "hardtanh",
    "hard_sigmoid",
    "relu6",
    "scaled_sigmoid",
}
"""Monotone and bounded on both sides."""


def slope_by_pytorch(name: str, z: np.ndarray) -> np.ndarray:
    x = torch.tensor(z, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(ACTIVATIONS[name](x).sum(), x)
    return slope.numpy()


@functools.cache
def max_slope(name: str) -> float:
    return float(np.abs(slope_by_pytorch(name, np.linspace(-10, 10, 400_001))).max())


def near_threshold(case: Case, peer: Named, layer: int) -> np.ndarray:
    """States where some slope lies so near 5 % of the largest that rounding may decide."""
    if layer > len(case.widths):
        return np.zeros(case.states, bool)
    name = case.activations[layer - 1]
    slope = np.abs(slope_by_pytorch(name, peer[f"z/{layer}"]))
    gap = np.abs(slope / (0.05 * max_slope(name)) - 1)
    near = gap < (1e-4 if case.dtype == "float32" else 1e-8)
    return np.asarray(near.any(axis=(1, 2)))
