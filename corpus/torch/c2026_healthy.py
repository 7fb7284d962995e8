"""PyTorch trainings of 2026c that worry people and are healthy: weights, batches, models."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset, WeightedRandomSampler

from corpus.data import c2026 as d
from corpus.pairs import pair as pair_of
from corpus.torch import c2026_models as m
from corpus.torch.fits import torch_fit
from corpus.torch.models import train

CE, MSE, SGD = nn.CrossEntropyLoss(), nn.MSELoss(), torch.optim.SGD


def healthy(name: str, make: Any, **o: Any) -> None:
    """Write down a healthy training: `make(seed)`."""
    pair_of("pytorch", None, name, lambda s, _: make(s), of="2026c", **o)


# -- weights that stand still, or begin at 0


def _backbone(s: int) -> Any:
    x, y = d.sensors(s)
    body = train(m.net(s, 10, 48, 48, 4), x, y, 10)
    body.requires_grad_(False)
    body.lin3 = nn.Linear(48, 2)
    return torch_fit(body, CE, x, (y == 3).astype("int64"), epochs=8, rate=5e-3)


healthy("backbone-trained-and-frozen", _backbone, task="binary")


class _Low(nn.Module):
    """A frozen layer, and a product of two thin matrices beside it, the second one 0."""

    def __init__(self, base: nn.Linear, rank: int = 4):
        super().__init__()
        self.base = base.requires_grad_(False)
        self.a = nn.Linear(base.in_features, rank, bias=False)
        self.b = nn.Linear(rank, base.out_features, bias=False)
        nn.init.zeros_(self.b.weight)

    def forward(self, x: Tensor) -> Tensor:
        return self.base(x) + self.b(self.a(x))


def _adapters(s: int) -> Any:
    x, y = d.groups(s, apart=0.8)
    model = train(m.net(s, 24, 48, 48, 6), x, y, 8)
    for name in ("lin1", "lin2", "lin3"):
        setattr(model, name, _Low(getattr(model, name)))
    return torch_fit(model, CE, x, (y + 1) % 6, epochs=10, rate=1e-2)


healthy("adapters-from-zero", _adapters)


class _ZeroBranches(m.Scaled):
    def __init__(self) -> None:
        super().__init__(1.0, 6)
        for block in self.blocks:
            nn.init.zeros_(block.get_parameter("2.weight"))
            nn.init.zeros_(block.get_parameter("2.bias"))


def _zero_branches(s: int) -> Any:
    torch.manual_seed(s)
    return torch_fit(_ZeroBranches(), CE, *d.groups(s), epochs=6, rate=2e-3)


healthy("branches-begin-at-zero", _zero_branches, kind="residual")


class _Step(torch.autograd.Function):
    @staticmethod
    def forward(_: Any, x: Tensor) -> Tensor:
        return torch.sign(x)

    @staticmethod
    def backward(_: Any, *gradients: Tensor) -> Any:
        return gradients[0]


def _straight_through(s: int) -> Any:
    torch.manual_seed(s)
    model = m.Rewrapped(_Step.apply, code=12)
    return torch_fit(model, CE, *d.sensors(s), epochs=15, rate=5e-3)


healthy("sign-with-straight-through", _straight_through)


# -- rates and batches


def _adadelta(s: int) -> Any:
    return torch_fit(
        m.net(s, 24, 48, 6), CE, *d.groups(s), epochs=8, rate=1.0, optimizer=torch.optim.Adadelta
    )


healthy("adadelta-at-one", _adadelta)


def _pairs(s: int) -> Any:
    x, y = d.groups(s, 500)
    return torch_fit(m.net(s, 24, 48, 6), CE, x, y, epochs=4, rate=5e-4, batch=2)


healthy("batches-of-two", _pairs)


def _summed(s: int) -> Any:
    loss = nn.CrossEntropyLoss(reduction="sum")
    return torch_fit(m.net(s, 24, 48, 6), loss, *d.groups(s), epochs=6, rate=2e-3)


healthy("loss-summed-with-adam", _summed)


def _in_order(s: int) -> Any:
    x, y = d.groups(s)
    model = m.net(s, 24, 48, 6)
    data = DataLoader(TensorDataset(torch.tensor(x), torch.tensor(y)), 32)  # drawn at random
    return (model, CE, torch.optim.Adam(model.parameters(), 2e-3), data), {"epochs": 8}, y


healthy("in-order-but-drawn-at-random", _in_order)


def _balanced(s: int) -> Any:
    x, y = d.faults(s)
    weights = torch.tensor(np.where(y == 1, 1 / y.mean(), 1 / (1 - y.mean())))
    sampler = WeightedRandomSampler(weights, len(y), generator=torch.Generator().manual_seed(s))
    data = DataLoader(TensorDataset(torch.tensor(x), torch.tensor(y)), 32, sampler=sampler)
    model = m.net(s, 8, 32, 2)
    return (model, CE, torch.optim.Adam(model.parameters(), 3e-3), data), {"epochs": 8}, y


def _both_kinds(out: Any, y: Any) -> float:
    right = np.asarray(out).argmax(1) == y
    return float((right[y == 1].mean() + right[y == 0].mean()) / 2)


healthy("balanced-by-a-sampler", _balanced, task="binary", skill=_both_kinds)


def _weighted(s: int) -> Any:
    x, y = d.faults(s)
    loss = nn.CrossEntropyLoss(weight=torch.tensor([1.0, 15.0]))
    return torch_fit(m.net(s, 8, 32, 2), loss, x, y, epochs=8, rate=3e-3)


healthy("rare-class-weighs-more", _weighted, task="binary", skill=_both_kinds)


# -- architectures


def _time_first(s: int) -> Any:
    torch.manual_seed(s)
    return torch_fit(m.TimeFirst(), CE, *d.calls(s), epochs=8, rate=1e-2)


healthy("time-comes-first", _time_first, kind="recurrent")


class _Graph(nn.Module):
    """Two graph convolutions over one graph: every node reads its neighbors."""

    def __init__(self, links: Tensor):
        super().__init__()
        self.first, self.second = nn.Linear(24, 24), nn.Linear(24, 6)
        self.register_buffer("links", links)

    def forward(self, x: Tensor) -> Tensor:
        return self.links @ self.second(m.relu(self.links @ self.first(x)))


def _graph(s: int) -> Any:
    x, y = d.groups(s, 300, apart=0.5)
    rng = np.random.default_rng(s)
    chance = np.where(y[:, None] == y[None], 0.08, 0.005)
    links = np.triu(rng.random((300, 300)) < chance, 1)
    links = (links | links.T) + np.eye(300)
    links = torch.tensor(links / links.sum(1, keepdims=True), dtype=torch.float32)
    torch.manual_seed(s)
    model = _Graph(links)
    data = DataLoader(TensorDataset(torch.tensor(x), torch.tensor(y)), 300)
    return (model, CE, torch.optim.Adam(model.parameters(), 1e-2), data), {"epochs": 60}, y


healthy("one-graph-one-batch", _graph)


def _masked(s: int) -> Any:
    torch.manual_seed(s)
    return torch_fit(m.Masked(lambda x: x == 0), CE, *d.orders(s), epochs=8, rate=3e-3)


healthy("padding-masked", _masked, kind="attention", task="binary")


def _tied(s: int) -> Any:
    x, y = d.padded(s)
    torch.manual_seed(s)
    loss = nn.CrossEntropyLoss(ignore_index=0)
    return torch_fit(m.Language(tied=True), loss, x, y, epochs=10, rate=1e-2)


def _words_right(out: Any, y: Any) -> float:
    real = y > 0
    return float(np.mean(out.argmax(1)[real] == y[real]))


healthy("tied-words-padding-ignored", _tied, kind="recurrent", skill=_words_right)


class _Bag(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.words, self.head = nn.EmbeddingBag(5_000, 8, sparse=True), nn.Linear(8, 2)
        self.head.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.words(x))


def _sparse(s: int) -> Any:
    torch.manual_seed(s)
    model = _Bag()
    x, y = d.orders(s)
    over = [model.words.weight]
    return torch_fit(
        model, CE, x, y, epochs=12, rate=2e-2, optimizer=torch.optim.SparseAdam, parameters=over
    )


healthy("five-thousand-words-forty-used", _sparse, task="binary")


def _dropped(s: int) -> Any:
    model = m.net(s, 24, 96, 96, 6, each=lambda _: nn.Dropout(0.6))
    return torch_fit(model, CE, *d.groups(s), epochs=10, rate=2e-3)


healthy("drops-six-of-ten", _dropped)


class _Experts(nn.Module):
    """Each sample goes to the better of four experts; some get little for a while."""

    def __init__(self) -> None:
        super().__init__()
        self.router = nn.Linear(10, 4)
        self.experts = nn.ModuleList(
            nn.Sequential(nn.Linear(10, 24), nn.ReLU(), nn.Linear(24, 4)) for _ in range(4)
        )

    def forward(self, x: Tensor) -> Tensor:
        weight, chosen = torch.softmax(self.router(x), 1).topk(1)
        out = torch.stack([expert(x) for expert in self.experts], 1)
        return weight * out[torch.arange(len(x)), chosen[:, 0]] * 4


def _experts(s: int) -> Any:
    torch.manual_seed(s)
    return torch_fit(_Experts(), CE, *d.sensors(s), epochs=12, rate=5e-3)


healthy("one-of-four-experts", _experts)


def _plateau(s: int) -> Any:
    x, _ = d.sensors(s)
    parity = ((x[:, 0] > 0) ^ (x[:, 1] > 0)).astype("int64")
    model = m.net(
        s, 10, 24, 24, 2, activation=nn.Tanh, fix=lambda layer: layer.weight.data.mul_(0.3)
    )
    return torch_fit(model, CE, x, parity, epochs=40, rate=0.05, optimizer=SGD, momentum=0.9)


healthy("plateau-then-learns", _plateau, task="binary")
