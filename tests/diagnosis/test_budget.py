"""How much is trained: by a stated rule, whatever the machine does beside it."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch
from torch import nn

from gradgauge.diagnosis import budget as budgets
from gradgauge.diagnosis.budget import Budget, Purse, Span, read_budget, training_length
from gradgauge.diagnosis.diagnose import diagnose
from gradgauge.diagnosis.facts import Data
from gradgauge.errors import InvalidValue
from tests.diagnosis.made import inputs, labels

FLAT = Data((np.zeros((100, 10)),), 100, 32)


def test_a_budget_as_it_is_written():
    assert read_budget(None) == Budget()
    assert read_budget(12) == read_budget("12") == Budget(12.0)
    assert read_budget("90s") == read_budget(" 90 S") == Budget(seconds=90.0)


@pytest.mark.parametrize("given", ["", "s", "0", "-3", "soon", "90m", "nan", True])
def test_a_budget_that_is_none(given):
    with pytest.raises(InvalidValue):
        read_budget(given)


def test_the_length_is_the_users_own_unless_that_is_too_much():
    assert training_length(700, 10_000, FLAT) == 700
    assert training_length(50_000, 10_000, FLAT) == budgets.MOST_STEPS
    assert training_length(50_000, 10**9, FLAT) == budgets.LEAST_STEPS
    assert training_length(7, 10**9, FLAT) == 7


def test_the_length_by_hand():
    work = 6 * 5_000_000 * 32
    assert training_length(10_000, 5_000_000, FLAT) == int(budgets.WORK / work)
    tokens = Data((np.zeros((100, 16), int),), 100, 32, tokens=True)
    assert training_length(10_000, 5_000_000, tokens) == int(budgets.WORK / (16 * work))
    images = Data((np.zeros((100, 3, 64, 64)),), 100, 32)
    assert training_length(10_000, 1_000_000, images) == int(budgets.WORK / (64 * work / 5))


def test_trainings_are_counted_not_timed():
    purse = Purse(Budget(2), 10)
    assert purse.watched() == Span(10)
    assert purse.trial() == Span(10)
    assert purse.trial() is None
    assert not purse.refused


def test_seconds_refuse_a_trial():
    purse = Purse(Budget(seconds=1e-9), 10)
    time.sleep(0.001)
    assert purse.was_late(3)
    assert not purse.was_late(10)
    assert purse.trial() is None
    assert purse.refused


def diagnosis(slowly: float):
    """A training with a rate that is too high, on a machine that is busy or not."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(10, 16), nn.ReLU(), nn.Linear(16, 4))
    x, y = torch.as_tensor(inputs()), torch.as_tensor(labels())

    def loss(outputs, targets):
        time.sleep(slowly)
        return nn.functional.cross_entropy(outputs, targets)

    loss.__module__, loss.__name__ = "torch.nn.functional", "cross_entropy"
    return diagnose(model, loss, torch.optim.SGD(model.parameters(), 80.0), x, y, epochs=4)


def test_a_busy_machine_gives_the_same_findings():
    plain, busy = diagnosis(0.0), diagnosis(0.003)
    assert plain.findings
    assert [f.to_json() for f in plain.findings] == [f.to_json() for f in busy.findings]
    assert plain.spent == busy.spent
