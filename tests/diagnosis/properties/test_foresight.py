"""Outputs that see what they are to predict, and batches that remember the one before."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as nnf

from tests.diagnosis.properties.torch_models import (
    CLASSES,
    FEATURES,
    ROWS,
    Calls,
    ask,
    batches,
)

WORDS, STEPS = 12, 9
SENTENCES = torch.randint(0, WORDS, (ROWS, STEPS + 1), generator=torch.Generator().manual_seed(5))
BEFORE, AFTER = SENTENCES[:, :-1], SENTENCES[:, 1:]


def speaker(both: bool = False) -> Any:
    """A recurrent network that says words, (rows, places, words)."""
    return Calls(
        lambda self, x: self.head(self.cell(self.embed(x))[0]),
        embed=nn.Embedding(WORDS, 8),
        cell=nn.GRU(8, 8, batch_first=True, bidirectional=both),
        head=nn.Linear(16 if both else 8, WORDS),
    )


def of_words(out: Any, y: Any) -> Any:
    return nnf.cross_entropy(out.flatten(0, 1), y.flatten())


def shifts(out: Any, y: Any) -> Any:
    return nnf.cross_entropy(out[:, :-1].flatten(0, 1), y[:, 1:].flatten())


def seen(model: Any, x: Any, y: Any, loss: Any = of_words) -> str | None:
    found = ask(model, loss, batches(x, y)).foresight
    return None if found is None else found.case


@pytest.mark.parametrize(
    ("both", "x", "y", "loss", "case"),
    [
        (True, BEFORE, AFTER, of_words, "sees_ahead"),
        (False, BEFORE, AFTER, of_words, ""),
        (False, SENTENCES, SENTENCES, of_words, "not_shifted"),
        (False, SENTENCES, SENTENCES, shifts, ""),
        (True, SENTENCES, SENTENCES, shifts, "sees_ahead"),
        (True, SENTENCES, SENTENCES, of_words, ""),
        (True, BEFORE, BEFORE.flip(1), of_words, None),
    ],
)
def test_a_word_to_be_guessed_is_not_read(both: bool, x: Any, y: Any, loss: Any, case: str | None):
    assert seen(speaker(both), x, y, loss) == case


def test_places_that_the_loss_passes_over_may_be_seen():
    """The beginning of a sentence is given in both directions; only what follows is guessed."""

    def forward(self: Any, x: Any) -> Any:
        begun = self.cell(self.embed(x[:, :4]))[1].sum(0)
        later = self.on(self.embed(x), begun[None])[0]
        return self.head(later)

    parts = {"cell": nn.GRU(8, 8, batch_first=True, bidirectional=True)}
    parts |= {"on": nn.GRU(8, 8, batch_first=True), "embed": nn.Embedding(WORDS, 8)}
    model = Calls(forward, head=nn.Linear(8, WORDS), **parts)
    guessed = AFTER.clone()
    guessed[:, :4] = -100
    assert seen(model, BEFORE, guessed) == ""
    assert seen(model, BEFORE, AFTER) == "sees_ahead"


def test_series_of_numbers_too():
    series = torch.randn(ROWS, STEPS + 1, 2, generator=torch.Generator().manual_seed(6))

    def model(both: bool) -> Any:
        return Calls(
            lambda self, x: self.head(self.cell(x)[0]),
            cell=nn.GRU(2, 8, batch_first=True, bidirectional=both),
            head=nn.Linear(16 if both else 8, 2),
        )

    for both, case in ((True, "sees_ahead"), (False, "")):
        assert seen(model(both), series[:, :-1], series[:, 1:], nnf.mse_loss) == case


class Carries(nn.Module):
    """A recurrent classifier whose state goes on, in training mode only or always."""

    def __init__(self, carries: bool, always: bool = True):
        super().__init__()
        torch.manual_seed(0)
        self.cell, self.head = nn.GRU(FEATURES, 8, batch_first=True), nn.Linear(8, CLASSES)
        self.carries, self.always, self.calls = carries, always, 0
        self.state: Any = None

    def forward(self, x: Any) -> Any:
        goes_on = self.carries and (self.always or self.training)
        fits = goes_on and self.state is not None and self.state.shape[1] == len(x)
        out, state = self.cell(x, self.state if fits else None)
        self.state, self.calls = state.detach(), self.calls + 1
        return self.head(out[:, -1]) * (1 + 0.1 * self.calls)


@pytest.mark.parametrize(
    ("carries", "always", "shuffle", "remembers"),
    [
        (True, True, True, True),
        (True, True, False, False),
        (True, False, True, False),
        (False, True, True, False),
    ],
)
def test_shuffled_rows_do_not_go_on_from_the_batch_before(
    carries: bool, always: bool, shuffle: bool, remembers: bool
):
    x = torch.randn(ROWS, 5, FEATURES, generator=torch.Generator().manual_seed(7))
    found = ask(Carries(carries, always), nnf.cross_entropy, batches(x, shuffle=shuffle))
    assert (found.remembered > 0.9) == remembers
    assert remembers or found.remembered == 0
