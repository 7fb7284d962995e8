"""False wins: trials of remedies in which every remedy is the identity.

python -m corpus placebo               200 trials: how many end with a winner
python -m corpus placebo --trials 50   so many
python -m corpus placebo --write       and the figure in docs/remedy.md

The whole pipeline runs: candidates, halving beside random search, the best two together, confirming
on new seeds and rows, the verdict. Initial weights come from the seed, as in every trial; what differs
between arms is the order of batches, and nothing else.
"""

from __future__ import annotations

import argparse
import re
import zlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from corpus.shares import wilson
from gradgauge.diagnosis.finding import FAULT, Diagnosis, Finding
from gradgauge.remedies.known import REMEDIES
from gradgauge.remedies.plan import MOST_REMEDIES, Pace
from gradgauge.remedies.trainer import (
    Candidate,
    CannotApply,
    Dose,
    Metric,
    OnOutcome,
    Outcome,
    Rows,
    Task,
    Trained,
)
from gradgauge.remedies.trial import Given, try_remedies
from gradgauge.remedies.verdicts import AS_GOOD_AS_RANDOM, REPAIRED

TRIALS = 200
DOCS = Path(__file__).parents[1] / "docs" / "remedy.md"
_CLASSES, _INPUTS, _HIDDEN = 3, 6, 8
_SAMPLES, _TEST, _BATCH = 120, 200, 20


class Placebo:
    """A network of one hidden layer in NumPy, all members of a call side by side.

    Args:
        trial: its number: of data, weights and orders.
    """

    target, framework, fingerprint = "6-8-3 tanh", "spec", "placebo"
    learning_rate, epochs, lanes = 0.1, 5, 1
    samples_per_training = _SAMPLES * epochs

    def __init__(self, trial: int):
        self.metric = Metric("test_accuracy")
        self._trial = trial
        rng = np.random.default_rng([trial, 0])
        centers = 1.2 * rng.normal(size=(_CLASSES, _INPUTS))
        self._y = rng.integers(_CLASSES, size=_SAMPLES + _TEST)
        self._x = centers[self._y] + rng.normal(size=(len(self._y), _INPUTS)) * 1.5

    def applies(self, *doses: Dose) -> CannotApply | None:
        """Every remedy is the identity."""
        del doses
        return None

    def rate_of(self, candidate: Candidate) -> float:
        """Of every candidate the same."""
        del candidate
        return self.learning_rate

    def train(
        self,
        task: Task,
        on_progress: Any = None,
        on_outcome: OnOutcome | None = None,
    ) -> Trained:
        """See Trainer."""
        del on_progress, on_outcome
        members = [(candidate, seed) for candidate in task.candidates for seed in task.seeds]
        weights = self._weights([seed for _, seed in members])
        orders = [np.random.default_rng([self._trial, 2, s, _number(c)]) for c, s in members]
        epochs = task.epochs(self.epochs)
        for _ in range(epochs):
            order = np.stack([rng.permutation(_SAMPLES) for rng in orders])
            for at in range(0, _SAMPLES, _BATCH):
                self._step(weights, order[:, at : at + _BATCH])
        scores = self._scores(weights, task.rows).reshape(len(task.candidates), -1)
        return Trained(
            [
                Outcome(
                    candidate,
                    seeds=tuple(task.seeds),
                    scores=tuple(map(float, row)),
                    samples=epochs * _SAMPLES * len(task.seeds),
                    parameters=sum(w[0].size for w in weights),
                )
                for candidate, row in zip(task.candidates, scores, strict=True)
            ]
        )

    def _weights(self, seeds: Sequence[int]) -> list[np.ndarray]:
        """(members, inputs, units) of both layers, the same for the same seed."""
        drawn = {}
        for seed in set(seeds):
            rng = np.random.default_rng([self._trial, 1, seed])
            drawn[seed] = (
                rng.normal(size=(_INPUTS, _HIDDEN)) / _INPUTS**0.5,
                rng.normal(size=(_HIDDEN, _CLASSES)) / _HIDDEN**0.5,
            )
        return [np.stack([drawn[seed][layer] for seed in seeds]) for layer in (0, 1)]

    def _step(self, weights: list[np.ndarray], chosen: np.ndarray) -> None:
        """One step of gradient descent on cross-entropy, in place."""
        x, y = self._x[chosen], self._y[chosen]
        hidden = np.tanh(x @ weights[0])
        delta = _softmax(hidden @ weights[1])
        delta -= np.eye(_CLASSES)[y]
        delta /= _BATCH
        below = (delta @ weights[1].transpose(0, 2, 1)) * (1 - hidden**2)
        weights[1] -= self.learning_rate * hidden.transpose(0, 2, 1) @ delta
        weights[0] -= self.learning_rate * x.transpose(0, 2, 1) @ below

    def _scores(self, weights: list[np.ndarray], rows: Rows) -> np.ndarray:
        half = _SAMPLES + _TEST // 2
        chosen = slice(_SAMPLES, half) if rows == "screen" else slice(half, None)
        outputs = np.tanh(self._x[chosen] @ weights[0]) @ weights[1]
        return (outputs.argmax(axis=-1) == self._y[chosen]).mean(axis=-1)


def _softmax(z: np.ndarray) -> np.ndarray:
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def _number(candidate: Candidate) -> int:
    """Of a candidate, for the order of its batches."""
    return zlib.crc32(repr(candidate).encode())


def verdict(trial: int) -> str:
    """How one trial of placebos ends."""
    finding = Finding("vanishing-gradient", FAULT, "layers")
    given = Given(Diagnosis((finding,), None), "tanh", Pace(0.01))
    remedies = [r for r in REMEDIES if r.tried and not r.rate and not r.certain]
    return try_remedies(Placebo(trial), given, remedies=remedies[:MOST_REMEDIES]).verdict


def main(arguments: Sequence[str]) -> int:
    """Run the trials; the exit code."""
    parser = argparse.ArgumentParser(prog="corpus placebo")
    parser.add_argument("--trials", type=int, default=TRIALS)
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args(arguments)
    count = Counter(verdict(trial) for trial in range(asked.trials))
    won = count[REPAIRED] + count[AS_GOOD_AS_RANDOM]
    low, high = wilson(won, asked.trials)
    told = (
        f"Of {asked.trials} trials, {won} ended with a winner "
        f"({100 * won / asked.trials:.1f}%, 95% interval {100 * low:.1f} to {100 * high:.1f}%)."
    )
    print(told, dict(count))
    if asked.write:
        text = DOCS.read_text("utf-8")
        mark = r"(<!-- placebo -->\n).*?(<!-- /placebo -->)"
        DOCS.write_text(re.sub(mark, rf"\g<1>{told}\n\g<2>", text, flags=re.DOTALL), "utf-8")
    return 0
