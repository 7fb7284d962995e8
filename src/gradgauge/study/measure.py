"""The measurement beside each prediction: random networks, drawn and passed through, not trained.

A measurement **agrees** with its prediction when its 95 % interval over networks (Student's t)
contains it, or when its mean lies within the finite-width tolerance, TOLERANCE / sqrt(width): the
theory is of infinite width, and at 400 units these are the tolerances of the reference figures
(5 % for lengths, 4 % for the gradient, .05 for a correlation, 15 % for depth scales).

A network's decades agree within sqrt(depth / width) / 2, about what one network scatters by.

Nothing is judged where the prediction does not exist, is infinite or a limit, or where the
networks have too few layers for it to settle; a reason says which.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from gradgauge.engine.initial import InitialReading, read_initial
from gradgauge.errors import UnknownName
from gradgauge.parts.activations import activation as find_activation
from gradgauge.spec.checks import positive, whole_number
from gradgauge.spec.network import NetworkSpec
from gradgauge.statistics import Summary, summarize
from gradgauge.study.random_network import (
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
    json_number,
    predict_network,
)
from gradgauge.theory import log_gradient_norm as predicted_log_norm

WIDTH, DEPTH, SEEDS, SAMPLES = 400, 20, 5, 32
WALKS = 200
"""Networks whose log norm is taken: its spread from one to the next is the quantity itself."""

TOLERANCE = {
    "q_star": 1.0, "chi_grad": 0.8, "chi_len": 1.0, "c_star": 1.0, "xi_q": 3.0, "xi_c": 3.0,
    "growth_mean_square": 0.6, "mean_log_norm": 1.0, "std_log_norm": 1.0,
}  # fmt: skip
"""Quantity -> finite-width tolerance times sqrt(width); relative, but for c_star."""

_ABSOLUTE = frozenset({"c_star"})
_LIMITS = frozenset({"signal_dies", "vanishing_bias", "half_stable", "signal_fades"})
_SCALES = 4
_FEWEST_DROPPED, _MOST_DROPPED = 8, 100
_BATCH_DROPPED = 6
_LARGEST_BATCH = 512
_OUTPUTS = 10
_JACOBIAN_SAMPLES = 8

OnProgress = Callable[[int, int], None]


@dataclass(frozen=True)
class Measured:
    """A figure of random networks beside its prediction.

    Attributes:
        name: the quantity.
        summary: over networks; None where it could not be measured.
        predicted: None where theory has none.
        tolerance: within which a mean agrees, absolute; None where nothing is judged.
        agrees: see the module's text; None where nothing is judged.
        reason: a key of the catalogue's `theory_command.unjudged` or `theory.reason` table.
    """

    name: str
    summary: Summary | None
    predicted: float | None = None
    tolerance: float | None = None
    agrees: bool | None = None
    reason: str | None = None

    def to_json(self) -> dict[str, Any]:
        """mean, interval, agrees; infinity as the string "inf"."""
        interval = self.summary.interval if self.summary else None
        return {
            "mean": json_number(self.summary.mean) if self.summary else None,
            "interval": [json_number(x) for x in interval] if interval else None,
            "agrees": self.agrees,
            "predicted": json_number(self.predicted),
            "tolerance": self.tolerance,
        }


@dataclass(frozen=True)
class DeltaNorms:
    """delta_norm by layer over that of the layer the error starts from, L + 1 figures each.

    Attributes:
        measured: (networks, layers).
        predicted: by theory.
        dropped: first layers that the figures leave out.
    """

    measured: np.ndarray
    predicted: np.ndarray
    dropped: int = 0


@dataclass(frozen=True)
class Measurement:
    """All figures of one kind of network.

    Attributes:
        figures: beside their predictions.
        size: of the networks.
        seeds: one network each.
        delta: by layer, for the picture; None where there is none.
        estimated: whether the Jacobian's figures are estimates.
    """

    figures: tuple[Measured, ...]
    size: Size
    seeds: tuple[int, ...]
    delta: DeltaNorms | None = None
    estimated: bool = False

    def to_json(self) -> dict[str, Any]:
        """Quantity -> mean, interval, agrees."""
        return {figure.name: figure.to_json() for figure in self.figures}


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
    size = Size(width, _dropped(prediction), depth, samples)
    size.check_memory()
    take = partial(pass_through, part, prediction.sigma_w, prediction.sigma_b, size)
    with np.errstate(all="ignore"):
        shown = _for_each(seeds, lambda seed: take(1.0, seed), on_progress)
    readings = [_read(prediction, width, depth, seed) for seed in seeds]
    figures = [*_judged(prediction, shown, size), *_jacobian(readings)]
    chi = np.sqrt(prediction.chi_grad)
    predicted = chi ** np.arange(size.layers, -1.0, -1.0)
    delta = DeltaNorms(np.array([s.delta_norm for s in shown]), predicted, size.dropped)
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
    size = Size(width, _BATCH_DROPPED, depth, rows)
    size.check_memory()
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
    size = Size(width, 0, depth, 1)
    size.check_memory()
    scale = sigma_w or (math.sqrt(2) if activation == "relu" else 1.0)
    part = find_activation(activation)
    logs = _for_each(seeds, lambda seed: log_gradient_norm(part, scale, size, seed), on_progress)
    mean = judge("mean_log_norm", logs, depth * step.mean, width)
    spread = _judged_spread("std_log_norm", logs, math.sqrt(depth * step.variance), width)
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
    Size(widest, 0, network.depth, samples).check_memory()
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
    size = Size(widest, 0, network.depth, samples)
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


def _dropped(prediction: Prediction) -> int:
    """Layers until length and correlation have settled, four of their scales, within bounds."""
    scales = [x for x in (prediction.xi_q, prediction.xi_c) if x is not None and math.isfinite(x)]
    wanted = math.ceil(_SCALES * max(scales, default=0.0))
    if prediction.q_star in (0.0, math.inf):
        return _FEWEST_DROPPED
    return min(max(wanted, _FEWEST_DROPPED), _MOST_DROPPED)


def _judged(prediction: Prediction, shown: Sequence[Shown], size: Size) -> list[Measured]:
    """Every figure of the prediction; the depth scales from the slopes."""
    reasons = prediction.reasons
    length = _unsettled(prediction.xi_q, reasons.get("xi_q"), size)
    pair = length or _unsettled(prediction.xi_c, None, size)
    lasting = reasons.get("q_star")
    taken: dict[str, tuple[list[float], str | None]] = {
        "q_star": ([s.length for s in shown], length or lasting),
        "chi_grad": ([s.chi_grad for s in shown], length),
        "chi_len": ([s.chi_len for s in shown], length),
        "c_star": ([s.correlation for s in shown], pair or reasons.get("c_star")),
        "xi_q": ([s.chi_len for s in shown], length or reasons.get("xi_q")),
        "xi_c": ([s.slope for s in shown], pair or reasons.get("xi_c")),
    }
    figures = []
    for name, (values, reason) in taken.items():
        predicted = getattr(prediction, name)
        convert = _as_scale if name.startswith("xi") else None
        figures.append(judge(name, values, predicted, size.width, reason, convert))
    return figures


def _unsettled(scale: float | None, reason: str | None, size: Size) -> str | None:
    """Why a map has not settled after the dropped layers; None if it has."""
    if scale is None or reason == "any_length" or scale * (_SCALES - 1) <= size.dropped:
        return None
    return "not_settled"


def _as_scale(slope: float) -> float:
    """-1 / ln(slope), inf where nothing fades."""
    scale = depth_scale(max(slope, 0.0))
    return math.inf if scale is None else scale


def judge(
    name: str,
    values: Sequence[float] | np.ndarray,
    predicted: float | None,
    width: int,
    reason: str | None = None,
    convert: Callable[[float], float] | None = None,
    tolerance: float | None = None,
) -> Measured:
    """A figure beside its prediction, by the rule of the module's text.

    Args:
        name: the quantity, a key of TOLERANCE; another is judged by its interval alone.
        values: one a network.
        predicted: by theory.
        width: of the networks.
        reason: why nothing is to be judged; only a limit or what has not settled keeps from it.
        convert: makes the figure of mean and interval of `values`, rising.
        tolerance: instead of TOLERANCE's.
    """
    if not np.isfinite(values).all():
        return Measured(name, None, predicted, reason="not_finite")
    summary = summarize(values)
    if convert:
        interval = summary.interval and (convert(summary.interval[0]), convert(summary.interval[1]))
        summary = Summary(
            tuple(map(convert, summary.values)), convert(summary.mean), summary.std, interval
        )
    if reason in _LIMITS or reason == "not_settled":
        return Measured(name, summary, predicted, reason=reason)
    if predicted is None or not math.isfinite(predicted):
        return Measured(name, summary, predicted, reason=reason or "no_prediction")
    share = TOLERANCE.get(name, 0.0) / math.sqrt(width)
    own = share if name in _ABSOLUTE else share * abs(predicted)
    within = own if tolerance is None else tolerance
    return Measured(name, summary, predicted, within, _agrees(summary, predicted, within))


def _agrees(summary: Summary, predicted: float, tolerance: float) -> bool:
    low, high = summary.interval or (summary.mean, summary.mean)
    return bool(low <= predicted <= high or abs(summary.mean - predicted) <= tolerance)


def _judged_spread(name: str, values: list[float], predicted: float, width: int) -> Measured:
    """A standard deviation, whose relative error over N networks is 1 / sqrt(2 (N - 1))."""
    if not np.isfinite(values).all() or len(values) < 2:
        return Measured(name, None, predicted, reason="not_finite")
    std = float(np.std(values, ddof=1))
    half = 1.96 * std / math.sqrt(2 * (len(values) - 1))
    summary = Summary((), std, 0.0, (std - half, std + half))
    tolerance = TOLERANCE[name] / math.sqrt(width) * predicted
    return Measured(name, summary, predicted, tolerance, _agrees(summary, predicted, tolerance))


def _read(prediction: Prediction, width: int, depth: int, seed: int) -> InitialReading:
    """The engine's own network of these sigmas, its first layer at the fixed length."""
    sigma_w, sigma_b = prediction.sigma_w, prediction.sigma_b
    network = NetworkSpec.uniform(
        width, depth, width, _OUTPUTS, prediction.activation,
        init="lecun_normal", scale=sigma_w, bias_std=sigma_b,
    )  # fmt: skip
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
