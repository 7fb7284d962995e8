"""Trials of remedies that do nothing, on a network that is really trained."""

from __future__ import annotations

import numpy as np
from corpus.placebo import Placebo, main, verdict
from corpus.shares import wilson

from gradgauge.remedies.trainer import CONTROL, REMEDY, Candidate, Dose, Task


def test_placebos_differ_in_their_batches_alone_and_learn():
    trainer = Placebo(1)
    control, other = Candidate(CONTROL), Candidate(REMEDY, (Dose("relu_instead"),))
    long = trainer.train(Task([control, other], range(8), 1.0, "confirm")).outcomes
    again = trainer.train(Task([other], [3], 1.0, "confirm")).outcomes[0]
    assert again.scores[0] == long[1].scores[3]
    assert long[0].scores != long[1].scores
    assert np.mean(long[0].scores) > 0.5
    assert abs(np.mean(long[0].scores) - np.mean(long[1].scores)) < 0.1


def test_few_trials_of_placebos_are_won(capsys):
    """Of 30 trials at .05 six or more are won once in a thousand times."""
    assert main(["--trials", "30"]) == 0
    assert int(capsys.readouterr().out.split()[3]) <= 5


def test_a_trial_ends_the_same_way_again():
    assert verdict(7) == verdict(7)


def test_shares_have_wilsons_interval():
    low, high = wilson(8, 10)
    assert abs(low - 0.490) < 5e-4 and abs(high - 0.943) < 5e-4
    assert wilson(0, 0) == (0.0, 1.0)
