"""PyTorch: outputs that depend on other samples of their batch, and sound trainings of all kinds."""

from __future__ import annotations

from collections.abc import Callable
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
    net,
    recurrent,
    sequences,
    words,
)

MIXING = {
    "softmax along the batch": lambda: (net(CLASSES, nn.Softmax(dim=0)), None),
    "log-softmax along the batch": lambda: (net(CLASSES, nn.LogSoftmax(dim=0)), None),
    "normalised by the batch's own mean": lambda: (
        Calls(lambda self, x: self.head(x - x.mean(0)), head=nn.Linear(FEATURES, CLASSES)),
        None,
    ),
    "recurrence along the batch": lambda: (recurrent(False), sequences()),
    "attention between samples": lambda: (
        Calls(
            lambda self, x: self.head(self.mix(x, x, x)[0])[:, -1],
            mix=nn.MultiheadAttention(FEATURES, 2),
            head=nn.Linear(FEATURES, CLASSES),
        ),
        sequences(),
    ),
    "rows and features confounded": lambda: (
        Calls(
            lambda self, x: self.head(x.T.reshape(len(x), -1)),
            head=nn.Linear(FEATURES, CLASSES),
        ),
        None,
    ),
    "words mixed by softmax": lambda: (
        Calls(
            lambda self, x: self.head(self.words(x).softmax(0).mean(1)),
            words=nn.Embedding(20, 8),
            head=nn.Linear(8, CLASSES),
        ),
        words(),
    ),
}


@pytest.mark.parametrize("name", MIXING)
def test_outputs_that_depend_on_other_samples(name: str):
    model, loader = MIXING[name]()
    found = ask(model, loader=loader).mixing
    assert found is not None and not found.reason
    assert found.share > 0


class Experts(nn.Module):
    """Each sample goes to one of two experts; a full one sends the rest to nobody."""

    def __init__(self, capacity: int):
        super().__init__()
        self.gate, self.capacity = nn.Linear(FEATURES, 2), capacity
        self.experts = nn.ModuleList(nn.Linear(FEATURES, CLASSES) for _ in range(2))

    def forward(self, x: Any) -> Any:
        shares = self.gate(x).softmax(-1)
        weight, chosen = shares.max(-1)
        out = torch.zeros(len(x), CLASSES)
        for i, expert in enumerate(self.experts):
            rows = (chosen == i).nonzero()[: self.capacity, 0]
            out = out.index_add(0, rows, weight[rows, None] * expert(x[rows]))
        return out


class Stateful(nn.Module):
    """Begins every call where the last one ended."""

    def __init__(self) -> None:
        super().__init__()
        self.cell, self.head = nn.GRUCell(FEATURES, 8), nn.Linear(8, CLASSES)
        self.state: Any = None

    def forward(self, x: Any) -> Any:
        state = None if self.state is None or len(self.state) != len(x) else self.state
        state = self.cell(x, state)
        self.state = state.detach()
        return self.head(state)


def time_first() -> Any:
    """Batches (time, batch, features), a target for every step."""
    x, y = torch.randn(9, 32, FEATURES), torch.randint(0, CLASSES, (9, 32))
    return [(x, y), (x + 1, y)]


SOUND: dict[str, Callable[[], tuple[Any, Any, Any]]] = {
    "batch normalisation": lambda: (
        nn.Sequential(nn.Linear(FEATURES, 8), nn.BatchNorm1d(8), nn.Linear(8, CLASSES)),
        nnf.cross_entropy,
        None,
    ),
    "layer normalisation": lambda: (net(CLASSES, nn.LayerNorm(CLASSES)), nnf.cross_entropy, None),
    "batch first": lambda: (recurrent(True), nnf.cross_entropy, sequences()),
    "time first": lambda: (
        Calls(
            lambda self, x: self.head(self.lstm(x)[0]),
            lstm=nn.LSTM(FEATURES, 8),
            head=nn.Linear(8, CLASSES),
        ),
        lambda out, y: nnf.cross_entropy(out.flatten(0, 1), y.flatten()),
        time_first(),
    ),
    "experts with a capacity": lambda: (Experts(4), nnf.cross_entropy, None),
    "a state that is kept": lambda: (Stateful(), nnf.cross_entropy, None),
    "dropout": lambda: (net(CLASSES, nn.Dropout(0.5)), nnf.cross_entropy, None),
    "similarities of a batch": lambda: (
        Calls(lambda self, x: self.a(x) @ self.b(x).T, a=nn.Linear(6, 8), b=nn.Linear(6, 8)),
        lambda out, _: nnf.cross_entropy(out, torch.arange(len(out))),
        None,
    ),
    "a loss within the batch": lambda: (
        net(8),
        lambda e, _: nnf.cross_entropy(
            nnf.normalize(e) @ nnf.normalize(e).T - 9 * torch.eye(len(e)),
            torch.arange(len(e)) // 2 * 2,
        ),
        None,
    ),
    "a residual branch that begins at zero": lambda: (
        Calls(
            lambda self, x: self.head(x + self.scale * self.branch(x)),
            head=nn.Linear(FEATURES, CLASSES),
            branch=nn.Linear(FEATURES, FEATURES),
            scale=nn.Parameter(torch.zeros(())),
        ),
        nnf.cross_entropy,
        None,
    ),
    "an adapter with B = 0": lambda: (
        Calls(
            lambda self, x: self.head(x) + x @ self.a @ self.b,
            head=nn.Linear(FEATURES, CLASSES).requires_grad_(False),
            a=nn.Parameter(torch.randn(FEATURES, 2)),
            b=nn.Parameter(torch.zeros(2, CLASSES)),
        ),
        nnf.cross_entropy,
        None,
    ),
    "dead units": lambda: (_dead(), nnf.cross_entropy, None),
    "words that do not occur": lambda: (
        Calls(
            lambda self, x: self.head(self.words(x).mean(1)),
            words=nn.Embedding(1_000, 8),
            head=nn.Linear(8, CLASSES),
        ),
        nnf.cross_entropy,
        words(),
    ),
    "rounding straight through": lambda: (
        Calls(
            lambda self, x: self.head((h := self.first(x)) + (torch.round(h) - h).detach()),
            first=nn.Linear(FEATURES, 8),
            head=nn.Linear(8, CLASSES),
        ),
        nnf.cross_entropy,
        None,
    ),
    "quantiles": lambda: (
        net(3),
        lambda out, y: torch.mean(
            torch.maximum(
                torch.tensor([0.1, 0.5, 0.9]) * (y - out),
                torch.tensor([-0.9, -0.5, -0.1]) * (y - out),
            )
        ),
        batches(y=torch.randn(ROWS, 1)),
    ),
    "a mixture of densities": lambda: (
        net(6),
        lambda out, y: (
            -torch.logsumexp(
                out[:, :3].log_softmax(-1) - 0.5 * (y[:, None] - out[:, 3:]) ** 2, -1
            ).mean()
        ),
        batches(y=torch.randn(ROWS)),
    ),
    "pairs by intent": lambda: (
        net(1),
        lambda out, y: nnf.relu(
            1 - (out[:, 0][:, None] - out[:, 0][None]) * (y[:, None] - y[None]).sign()
        ).mean(),
        batches(y=torch.randn(ROWS)),
    ),
    "moments matched by a kernel": lambda: (
        net(2),
        lambda out, y: (
            torch.exp(-((out[:, None] - out[None]) ** 2).sum(-1)).mean()
            - 2 * torch.exp(-((out[:, None] - y[None]) ** 2).sum(-1)).mean()
        ),
        batches(y=torch.randn(ROWS, 2)),
    ),
    "a loss that squeezes": lambda: (
        net(1),
        lambda out, y: nnf.mse_loss(out.squeeze(1), y),
        batches(y=torch.randn(ROWS)),
    ),
    "divergence of log-probabilities": lambda: (
        net(CLASSES, nn.LogSoftmax(1)),
        nnf.kl_div,
        batches(y=torch.rand(ROWS, CLASSES).softmax(1)),
    ),
    "a stopped target": lambda: (
        net(),
        lambda out, _: -nnf.cosine_similarity(out, out.flip(0).detach()).mean(),
        None,
    ),
}


def _dead() -> Any:
    first = nn.Linear(FEATURES, 16)
    nn.init.constant_(first.bias, -50.0)
    return nn.Sequential(first, nn.ReLU(), nn.Linear(16, CLASSES))


@pytest.mark.parametrize("name", SOUND)
def test_sound_trainings_keep_their_properties(name: str):
    torch.manual_seed(0)
    model, loss, loader = SOUND[name]()
    found = ask(model, loss, loader)
    assert found.mixing is not None and found.mixing.share == 0
    assert found.reach is not None and not found.reach.cut and not found.reach.nothing
    assert found.loose == ()
    assert found.mispaired is None
    assert found.modes is not None and not found.modes.dropout
