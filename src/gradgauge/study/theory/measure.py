"""The measurement beside each prediction: random networks, drawn and passed through, not trained.

`agreement` has the rule by which the two agree.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from gradgauge.engine.initial import read_initial
from gradgauge.engine.terms import InitialReading
from gradgauge.errors import UnknownName
from gradgauge.listening import OnProgress, expect
from gradgauge.parts.activations import activation as find_activation
from gradgauge.spec.checks import positive, whole_number
from gradgauge.spec.network import NetworkSpec
from gradgauge.study.theory.agreement import NOT_SETTLED, Measured, judge, judge_spread
from gradgauge.study.theory.measurement import DeltaNorms, Measurement
from gradgauge.study.theory.random_network import (
    Shown,
    Size,
    batch_norm_gain,
    log_gradient_norm,
    pass_through,
)
from gradgauge.theory import (
    LogGain,
    NetworkPrediction,
    Prediction,
    batch_norm_growth,
    depth_scale,
    predict_network,
)
from gradgauge.theory import log_gradient_norm as predicted_log_norm

WIDTH, DEPTH, SEEDS, SAMPLES = 400, 20, 5, 32
WALKS = 200
"""Networks whose log norm is taken: its spread from one to the next is the quantity itself."""

_SCALES = 4
_FEWEST_DROPPED, _MOST_DROPPED = 8, 100
_BATCH_DROPPED = 6
_LARGEST_BATCH = 512
_OUTPUTS = 10
_JACOBIAN_SAMPLES = 8


def measure_activation(
    prediction: Prediction,
    width: int = WIDTH,
    depth: int = DEPTH,
    seeds: Sequence[int] = tuple(range(SEEDS)),
    samples: int = SAMPLES,
    on_progress: OnProgress | None = None,
) -> Measurement:
    """Random networks of one activation at the prediction's sigmas.

    Args:
        prediction: what is tested.
        width: units of every layer.
        depth: layers that are measured; as many more as lengths and correlations need to settle
            stand before them, and are dropped.
        seeds: one network each.
        samples: inputs of each network, at least 2.
        on_progress: told networks done and networks in all.

    Raises:
        InvalidValue: a size that cannot be, sigma_w 0.
        TooLarge: the networks do not fit the memory.
    """
    positive("sigma_w", prediction.sigma_w)
    whole_number("width", width, 2)
    whole_number("depth", depth, 2)
    whole_number("samples", samples, 2)
    part = find_activation(prediction.activation)
    size = _size(prediction, width, depth, samples)
    size.check_memory()
    expect(on_progress, len(seeds) * size.seconds() + size.reading_seconds(len(seeds)))
    take = partial(pass_through, part, prediction.sigma_w, prediction.sigma_b, size)
    with np.errstate(all="ignore"):
        shown = _for_each(seeds, lambda seed: take(1.0, seed), on_progress)
    readings = [_read(prediction, width, depth, seed) for seed in seeds]
    figures = [*_judged(prediction, shown, size), *_jacobian(readings)]
    chi = np.sqrt(prediction.chi_grad)
    predicted = chi ** np.arange(size.layers, -1.0, -1.0)
    delta = DeltaNorms(np.array([s.delta_norm for s in shown]), predicted, size.settled)
    return Measurement(tuple(figures), size, tuple(seeds), delta, _estimated(readings))


def measure_batch_norm(
    activation: str,
    batch: float,
    width: int = WIDTH,
    depth: int = DEPTH,
    seeds: Sequence[int] = tuple(range(SEEDS)),
    on_progress: OnProgress | None = None,
) -> Measurement:
    """Growth of the gradient through W -> batch norm -> f, the input layer left out.

    An infinite batch is measured with the largest that is quick, 512.

    Raises:
        InvalidValue: a size or batch that cannot be.
        TooLarge: the networks do not fit the memory.
    """
    predicted = batch_norm_growth(activation, batch)
    whole_number("width", width, 2)
    whole_number("depth", depth, 1)
    rows = int(min(batch, _LARGEST_BATCH))
    size = Size(width, _BATCH_DROPPED, _BATCH_DROPPED, depth, rows)
    size.check_memory()
    expect(on_progress, len(seeds) * size.seconds())
    part = find_activation(activation)
    gains = _for_each(seeds, lambda seed: batch_norm_gain(part, size, seed), on_progress)
    figure = judge("growth_mean_square", gains, predicted, width)
    return Measurement((figure,), size, tuple(seeds))


def measure_log_norm(
    activation: str,
    width: int,
    depth: int,
    sigma_w: float | None = None,
    seeds: Sequence[int] = tuple(range(WALKS)),
    on_progress: OnProgress | None = None,
) -> Measurement:
    """Mean and spread of ln(|delta_1| / |delta_(L+1)|) over random networks without biases.

    Raises:
        InvalidValue, UnknownName: a size that cannot be; not relu or linear.
        TooLarge: the networks do not fit the memory.
    """
    if activation not in ("relu", "linear"):
        raise UnknownName("activation", activation, ("relu", "linear"))
    step: LogGain = predicted_log_norm([width], activation, sigma_w and sigma_w**2)
    size = Size(width, 0, 0, depth, 1)
    size.check_memory()
    expect(on_progress, len(seeds) * size.seconds())
    scale = sigma_w or (math.sqrt(2) if activation == "relu" else 1.0)
    part = find_activation(activation)
    logs = _for_each(seeds, lambda seed: log_gradient_norm(part, scale, size, seed), on_progress)
    mean = judge("mean_log_norm", logs, depth * step.mean, width)
    spread = judge_spread("std_log_norm", logs, math.sqrt(depth * step.variance), width)
    return Measurement((mean, spread), size, tuple(seeds))


def measure_network(
    network: NetworkSpec,
    seeds: Sequence[int] = tuple(range(SEEDS)),
    samples: int = SAMPLES,
    on_progress: OnProgress | None = None,
) -> tuple[NetworkPrediction, Measurement]:
    """A network as the engine builds it, on inputs of variance 1, beside its prediction.

    Returns:
        The prediction for a batch of `samples`, and the measurement: `decades` and chi_grad of
        the inner layers, singular values of the Jacobian, and |delta| by layer.
    """
    whole_number("samples", samples, 2)
    widest = max(layer.width for layer in network.hidden)
    size = Size(widest, 0, 0, network.depth, samples)
    size.check_memory()
    expect(on_progress, len(seeds) * size.seconds() + size.reading_seconds(len(seeds)))
    x = np.random.default_rng(0).standard_normal((samples, network.inputs))
    labels = np.arange(samples) % network.outputs
    prediction = predict_network(network, 1.0, samples if network.norm == "batch" else math.inf)
    readings = _for_each(
        seeds, lambda seed: read_initial(network, seed, x, labels, jacobian=True), on_progress
    )
    norms = np.array([r.gauges["delta_norm"] for r in readings])
    with np.errstate(divide="ignore", invalid="ignore"):
        delta = norms / norms[:, -1:]
        decades = np.log10(delta[:, 0])
        inner = np.mean(np.array([r.gauges["backward_gain"][1:-2] for r in readings]) ** 2, axis=1)
    scatter = math.sqrt(network.depth / widest) / 2
    figures = [judge("decades", decades, prediction.decades, widest, tolerance=scatter)]
    rows = prediction.layers[1:-1]
    if rows and network.depth > 2:
        figures.append(judge("chi_grad", inner, float(np.mean([r.chi_grad for r in rows])), widest))
    decades_by_layer = np.array([*(row.decades for row in prediction.layers), 0.0])
    norms_by_layer = DeltaNorms(delta, 10.0**decades_by_layer) if prediction.layers else None
    return prediction, Measurement(
        (*figures, *_jacobian(readings)), size, tuple(seeds), norms_by_layer, _estimated(readings)
    )


def _for_each(seeds: Sequence[int], take: Callable[[int], Any], told: OnProgress | None) -> list:
    """`take` of every seed, with progress."""
    whole_number("seeds", len(seeds), 1)
    found = []
    for done, seed in enumerate(seeds):
        if told:
            told(done, len(seeds))
        found.append(take(seed))
    if told:
        told(len(seeds), len(seeds))
    return found


def _size(prediction: Prediction, width: int, depth: int, samples: int) -> Size:
    """So many first layers left out that lengths, and then correlations, have settled: four of
    their scales, within bounds."""
    settled = _settling(prediction.xi_q)
    dropped = max(settled, _settling(prediction.xi_c))
    return Size(width, settled, dropped, depth, samples)


def _settling(scale: float | None) -> int:
    finite = scale if scale is not None and math.isfinite(scale) else 0.0
    return min(max(math.ceil(_SCALES * finite), _FEWEST_DROPPED), _MOST_DROPPED)


def _judged(prediction: Prediction, shown: Sequence[Shown], size: Size) -> list[Measured]:
    """Every figure of the prediction; the depth scales from the slopes."""
    reasons = prediction.reasons
    length = _unsettled(prediction.xi_q, reasons.get("xi_q"), size.settled)
    pair = length or _unsettled(prediction.xi_c, None, size.dropped)
    lasting = reasons.get("q_star")

    def single(name: str) -> list[float]:
        return [float(np.mean(getattr(s, name)[size.settled :])) for s in shown]

    def paired(name: str) -> list[float]:
        return [float(np.mean(getattr(s, name)[size.dropped :])) for s in shown]

    taken: dict[str, tuple[list[float], str | None]] = {
        "q_star": (single("length"), length or lasting),
        "chi_grad": (single("gain"), length),
        "chi_len": (single("length_slope"), length),
        "c_star": (paired("correlation"), pair or reasons.get("c_star")),
        "xi_q": (single("length_slope"), length or reasons.get("xi_q")),
        "xi_c": (paired("correlation_slope"), pair or reasons.get("xi_c")),
    }
    figures = []
    for name, (values, reason) in taken.items():
        predicted = getattr(prediction, name)
        convert = _as_scale if name.startswith("xi") else None
        figures.append(judge(name, values, predicted, size.width, reason, convert))
    return figures


def _unsettled(scale: float | None, reason: str | None, dropped: int) -> str | None:
    """Why a map has not settled after the layers left out; None if it has."""
    if scale is None or reason == "any_length" or scale * (_SCALES - 1) <= dropped:
        return None
    return NOT_SETTLED


def _as_scale(slope: float) -> float:
    """-1 / ln(slope), inf where nothing fades."""
    scale = depth_scale(max(slope, 0.0))
    return math.inf if scale is None else scale


def _read(prediction: Prediction, width: int, depth: int, seed: int) -> InitialReading:
    """The engine's own network of these sigmas, its first layer at the fixed length."""
    sigma_w, sigma_b = prediction.sigma_w, prediction.sigma_b
    network = NetworkSpec.uniform(
        width,
        depth,
        width,
        _OUTPUTS,
        prediction.activation,
        init="lecun_normal",
        scale=sigma_w,
        bias_std=sigma_b,
    )
    q = prediction.q_star if prediction.q_star not in (None, 0.0, math.inf) else 1.0
    square = max((q or 1.0) - sigma_b**2, 0.0) / sigma_w**2 or 1.0
    rng = np.random.default_rng([seed, 1])
    x = math.sqrt(square) * rng.standard_normal((_JACOBIAN_SAMPLES, width))
    labels = np.zeros(_JACOBIAN_SAMPLES, int)
    return read_initial(network, seed, x, labels, jacobian=True, gauges=False)


def _jacobian(readings: Sequence[InitialReading]) -> list[Measured]:
    """The Jacobian's gauges over networks. Theory has no figure for them."""
    taken = [r.jacobian.values for r in readings if r.jacobian]
    return [judge(name, [values[name] for values in taken], None, 1) for name in (taken or [{}])[0]]


def _estimated(readings: Sequence[InitialReading]) -> bool:
    return any(r.jacobian is not None and r.jacobian.estimated for r in readings)
