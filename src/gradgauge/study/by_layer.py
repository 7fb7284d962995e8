"""A network's gauges by layer, first and last, over its seeds; and its attenuation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gradgauge.gauges import LAYER_QUANTITIES
from gradgauge.gauges.norms import decades, norm
from gradgauge.parts.activations import ACTIVATIONS
from gradgauge.run import Run
from gradgauge.statistics import Summary, geometric_mean, summarize

MOMENTS = {"first": 0, "last": -1}
"""The two moments everyone asks for, as places on the probe axis: at the initial weights and
at the final ones."""


_ONE_WAY = 0.05
"""Decades by which the gains' sum may miss the whole where each layer has one way to the next:
means over seeds and rounding."""


@dataclass(frozen=True)
class Attenuation:
    """Attenuation of the error signal between the output layer and the first, in decades.

    decades = log10(|delta(1)| / |delta(L + 1)|) = slope_decades + weight_decades, the sums over
    hidden layers of log10 slope_gain and log10 weight_gain.
    """

    decades: float
    slope_decades: float
    weight_decades: float


def over_seeds(name: str, values: np.ndarray) -> np.ndarray:
    """Mean over the member axis: geometric for norms and gains, arithmetic for the rest."""
    if not len(values):
        return np.full(values.shape[1:], np.nan)
    if LAYER_QUANTITIES[name].over_seeds == "geometric":
        return geometric_mean(values)
    return np.asarray(np.mean(values, axis=0, dtype=np.float64))


def by_layer(run: Run, name: str, moment: str = "first") -> np.ndarray:
    """A probed quantity by layer, (layers,), over seeds.

    Args:
        run: the network's.
        name: the quantity.
        moment: `first` or `last`.
    """
    return over_seeds(name, last_taken(run, name) if moment == "last" else _at_start(run, name))


def _at_start(run: Run, name: str) -> np.ndarray:
    return run.values("probes", name)[:, 0]


def last_taken(run: Run, name: str) -> np.ndarray:
    """Each member's last probe, (member, layer): the final one, unless its training broke off."""
    values = run.values("probes", name)
    return values[np.arange(len(values)), last_places(run)]


def last_places(run: Run) -> np.ndarray:
    """Each member's last probe as a place on the probe axis, (member,)."""
    taken = np.asarray(np.isfinite(run.values("probes", "weight_norm")).any(axis=-1))
    return taken.shape[1] - 1 - np.argmax(taken[:, ::-1], axis=1)


@dataclass(frozen=True)
class Way:
    """The way of the error signal through a network, as places on the layer axis.

    Attributes:
        hidden: layers whose error signal was seen, first to last; no outputs among them.
        outputs: where it begins.
    """

    hidden: tuple[int, ...]
    outputs: tuple[int, ...]

    @property
    def first(self) -> int:
        """The first of them all."""
        return self.hidden[0] if self.hidden else self.outputs[0] if self.outputs else 0

    @property
    def last_hidden(self) -> int:
        """The last hidden layer."""
        return self.hidden[-1] if self.hidden else self.first


def way(run: Run) -> Way:
    """The way of the error signal: of a dense network all layers, of somebody's own those at which
    it was seen."""
    seen = np.asarray(~np.isnan(run.values("probes", "delta_norm")).all(axis=(0, 1)))
    if run.notation:
        return Way(tuple(range(len(seen) - 1)), (len(seen) - 1,))
    outputs = [layer.output for layer in run.layers] or [False] * len(seen)
    places = [at for at in range(len(seen)) if seen[at]]
    return Way(
        tuple(at for at in places if not outputs[at]), tuple(at for at in places if outputs[at])
    )


def attenuation(run: Run, moment: str = "first") -> Attenuation:
    """The attenuation at a moment, over seeds (geometric means, so that the sum still holds).

    In somebody's own network the error signal may take more ways than one, or pass layers whose
    gains are not seen: where slopes and weights do not make up the whole, they are NaN.
    """
    delta, taken = by_layer(run, "delta_norm", moment), way(run)
    if not taken.hidden or not taken.outputs:
        return Attenuation(np.nan, np.nan, np.nan)
    hidden, outputs = list(taken.hidden), list(taken.outputs)
    with np.errstate(divide="ignore", invalid="ignore"):
        sent = delta[outputs[0]] if len(outputs) == 1 else norm(delta[outputs])
        lost = decades(float(delta[taken.first]), float(sent))
        slopes = float(np.log10(by_layer(run, "slope_gain", moment)[hidden]).sum())
        weights = float(np.log10(by_layer(run, "weight_gain", moment)[hidden]).sum())
    whole = abs(slopes + weights - lost) <= _ONE_WAY
    if not run.notation and np.isfinite(lost) and not whole:
        slopes = weights = np.nan
    return Attenuation(lost, slopes, weights)


def extremes_over_seeds(
    run: Run, name: str, moment: str = "first"
) -> tuple[np.ndarray, np.ndarray]:
    """The lowest and the highest of a probed quantity by layer over the seeds, (layers,) each."""
    values = last_taken(run, name) if moment == "last" else _at_start(run, name)
    if not len(values):
        nothing = np.full(values.shape[1:], np.nan)
        return nothing, nothing
    return values.min(axis=0).astype(np.float64), values.max(axis=0).astype(np.float64)


def probe_course(run: Run, name: str) -> np.ndarray:
    """A probed quantity over the training, (probe_step, layer), over seeds."""
    return over_seeds(name, run.values("probes", name))


def step_course(run: Run, name: str, layer: int) -> np.ndarray:
    """An every-step quantity of one layer, counted from 1, (step,), over seeds."""
    return over_seeds(name, run.values("steps", name)[:, :, layer - 1])


def step_losses(run: Run) -> np.ndarray:
    """The training batches' loss at every kept step, (step,), mean over seeds."""
    losses = run.values("steps", "loss")
    if not len(losses):
        return np.full(losses.shape[1:], np.nan)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.mean(losses, axis=0, dtype=np.float64))


def epoch_summaries(run: Run, figure: str) -> list[Summary]:
    """`loss` or `accuracy` of every epoch, with its interval over seeds."""
    values = run.values("epochs", figure)
    if not len(values):
        values = np.full((1, *values.shape[1:]), np.nan)
    with np.errstate(invalid="ignore"):
        return [summarize(column) for column in values.T]


def slope_limit_decades(activations: Sequence[str]) -> float:
    """What the slopes may leave of the error signal at most, in decades: the sum over hidden
    layers of log10 of the activation's largest slope (sigmoid: log10(1/4) a layer).

    NaN where an activation is not known.
    """
    if not all(name in ACTIVATIONS for name in activations):
        return float("nan")
    largest = np.array([ACTIVATIONS[name].max_slope for name in activations])
    return float(np.log10(largest).sum())
