"""A trainer whose scores follow from a rule, and a diagnosis that asks for a trial of it."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import numpy as np

from gradgauge.diagnosis.finding import FAULT, Diagnosis, Finding
from gradgauge.remedies.known import BY_KEY
from gradgauge.remedies.plan import Pace
from gradgauge.remedies.trainer import Candidate, CannotApply, Dose, Metric, Outcome, Trained
from gradgauge.remedies.trial import Given

Effect = Callable[[Candidate], float]


class FakeTrainer:
    """Scores: .5, what `effect` adds, and noise that depends on candidate, seed, length, rows."""

    target, framework, fingerprint = "fake", "spec", "fake"
    learning_rate, epochs, samples_per_training, lanes = 0.1, 5, 100, 2

    def __init__(
        self,
        effect: Effect,
        noise: float = 0.01,
        trial: int = 0,
        cures: bool = False,
        blind: bool = False,
    ):
        self.effect, self.noise, self.trial, self.cures = effect, noise, trial, cures
        self.blind = blind
        self.metric = Metric("test_accuracy")
        self.calls: list[tuple[list[Candidate], list[int], float, str]] = []
        self.stops_after: int | None = None

    def applies(self, *doses: Dose) -> CannotApply | None:
        return CannotApply("already") if any(d.remedy == "bias_zero" for d in doses) else None

    def rate_of(self, candidate: Candidate) -> float:
        return self.learning_rate * candidate.rate_factor

    def train(self, task, on_progress=None, on_outcome=None):
        candidates, seeds, share, rows = task.candidates, task.seeds, task.share, task.rows
        self.calls.append((list(candidates), list(seeds), share, rows))
        made = []
        for at, candidate in enumerate(candidates):
            if self.stops_after is not None and at >= self.stops_after:
                return Trained(made, interrupted=True)
            made.append(self._outcome(candidate, seeds, share, rows))
            if on_outcome is not None:
                on_outcome(made[-1])
            if on_progress is not None:
                on_progress(at + 1, len(candidates))
        return Trained(made)

    def _outcome(self, candidate, seeds, share, rows):
        scores = []
        for seed in seeds:
            told = (self.trial, repr(candidate), seed, round(share * 100), rows)
            rng = np.random.default_rng(zlib.crc32(repr(told).encode()))
            shared = np.random.default_rng([self.trial, seed]).normal()
            noise = self.noise * (rng.normal() + shared)
            scores.append(0.5 + self.effect(candidate) + noise)
        changed = bool(candidate.doses)
        return Outcome(
            candidate,
            seeds=tuple(seeds),
            scores=tuple(scores),
            samples=round(100 * share * len(seeds)),
            findings=()
            if self.blind or (self.cures and candidate.kind != "control")
            else ("vanishing-gradient",),
            seconds_per_step=0.001,
            parameters=10,
            curve=tuple(tuple(score * part for part in (0.4, 0.8, 1.0)) for score in scores),
            signal={
                "delta_norm": tuple(10.0 ** (4 * changed + at - 8) for at in range(5)),
                "signal_spread": (0.5, 0.1, 1e-3 + 0.4 * changed, 1e-4 + 0.3 * changed, 0.0),
            },
        )


def given(*remedies: str) -> Given:
    keys = remedies or ("gain_and_centring", "critical_scale", "relu_instead", "skips")
    finding = Finding("vanishing-gradient", FAULT, "layers", remedies=keys)
    return Given(Diagnosis((finding,), None), "sigmoid", Pace(0.01))


def rates_alone(candidate: Candidate) -> float:
    return 0.2 if candidate.rate_factor > 1 else 0.0


def with_remedy(key: str, by: float) -> Effect:
    assert key in BY_KEY
    return lambda candidate: by if key in candidate.remedies else 0.0
