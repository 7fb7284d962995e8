"""The first NaN or infinity: its step, layer and operation, however seldom is measured."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import gradgauge as gg
from gradgauge.watchers.errors import NotFinite
from gradgauge.watchers.torch.norms import tensor_norms
from tests.watchers.torch.test_training import alike, hooks_left

X, Y = torch.randn(32, 8, generator=torch.Generator().manual_seed(0)), torch.arange(32) % 3
BAD_STEP, LAST = 12, 20


class Net(nn.Module):
    """Goes wrong behind layer l.1, at one step, in a way of choice."""

    def __init__(self, way):
        super().__init__()
        torch.manual_seed(0)
        self.l = nn.ModuleList([nn.Linear(8, 8) for _ in range(4)])
        self.o, self.way, self.bad = nn.Linear(8, 3), way, False

    def forward(self, x):
        for i, layer in enumerate(self.l):
            x = torch.tanh(layer(x))
            if self.bad and i == 1:
                x = self.way(x)
        return self.o(x)


WAYS = {
    "divided by zero": (lambda x: x / 0.0, "div"),
    "logarithm": (lambda x: torch.log(x - 2), "log"),
    "overflow": (lambda x: torch.exp(x + 1e3), "exp"),
    "root on the way back": (lambda x: (x * 0).sqrt() + x, "SqrtBackward0"),
    "norm on the way back": (lambda x: x + (x * 0).pow(2).sum(-1, keepdim=True).sqrt(), "SqrtBackward0"),
}  # fmt: skip
SAMPLINGS = ({"every": 1}, {}, {"every": 7, "norms_every": 7})


def train(model, batch=lambda _step: (X, Y), loss=nn.functional.cross_entropy, parts=1):
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    for step in range(LAST):
        model.bad = step == BAD_STEP
        x, y = batch(step)
        for some, labels in zip(x.chunk(parts), y.chunk(parts), strict=True):
            loss(model(some), labels).backward()
        optimizer.step()
        optimizer.zero_grad()
    return list(model.parameters())


def found(watcher):
    run = watcher.run
    layer = int(run.figure("non_finite_layer")[0])
    name = run.layers[layer - 1].name if layer > 0 else ""
    step = int(run.figure("non_finite_step")[0])
    return step, name, run.attributes["non_finite_operation"]


@pytest.mark.parametrize("options", SAMPLINGS)
@pytest.mark.parametrize("way", WAYS)
def test_step_layer_and_operation(way, options):
    function, operation = WAYS[way]
    with gg.watch(Net(function), **options) as watcher:
        train(watcher.model)
    assert found(watcher) == (BAD_STEP, "l.1", operation)


@pytest.mark.parametrize("options", SAMPLINGS)
def test_a_loss_an_input_and_a_weight(options):
    def bad_loss(out, y):
        value = nn.functional.cross_entropy(out, y)
        return value * float("nan") if net.bad else value

    net = Net(lambda x: x)
    with gg.watch(net, **options) as watcher:
        train(net, loss=bad_loss)
    assert found(watcher) == (BAD_STEP, "o", "loss")

    def bad_batch(step):
        return (X * float("inf") if step == BAD_STEP else X), Y

    with gg.watch(Net(lambda x: x), **options) as watcher:
        train(watcher.model, batch=bad_batch)
    assert found(watcher) == (BAD_STEP, "l.0", "input")


def test_any_micro_batch_of_a_step():
    first = None

    def way(x):
        nonlocal first
        first = x.detach()[0, 0] if first is None else first
        return x / 0.0 if x.detach()[0, 0] == first else x

    net = Net(way)
    with gg.watch(net, norms_every=7, every=7) as watcher:
        train(net, parts=4)
    assert found(watcher) == (BAD_STEP, "l.1", "div")


@pytest.mark.parametrize("options", SAMPLINGS)
def test_stop_before_the_update(options):
    net = Net(lambda x: x / 0.0)
    with (
        pytest.raises(NotFinite) as caught,
        gg.watch(net, stop_on_nan=True, **options) as watcher,
    ):
        train(net)
    error = caught.value
    assert (error.step, error.layer, error.operation) == (BAD_STEP, "l.1", "div")
    assert all(torch.isfinite(p).all() for p in net.parameters())
    assert hooks_left(net) == []
    assert found(watcher)[0] == BAD_STEP
    for lang in ("en", "ko"):
        assert "l.1" in error.sentence(lang)


def test_masks_of_minus_infinity_are_no_fault():
    layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
    mask = nn.Transformer.generate_square_subsequent_mask(8)

    class Masked(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer, self.o = layer, nn.Linear(8, 3)

        def forward(self, x):
            h = self.layer(x.reshape(4, 8, 8), src_mask=mask).reshape(32, 8)
            return self.o(h / 0.0 if self.bad else h)

    model = Masked()
    with gg.watch(model) as watcher:
        train(model)
    assert found(watcher)[0] == BAD_STEP
    assert found(watcher)[2] == "div"


def test_nothing_is_changed_and_nothing_found_where_all_is_finite():
    plain = train(Net(lambda x: x))
    with gg.watch(Net(lambda x: x)) as watcher:
        seen = train(watcher.model)
    assert alike(plain, seen)
    assert found(watcher) == (-1, "", "")
    assert hooks_left(watcher.model) == []


def test_a_watched_training_that_breaks_ends_as_the_unwatched():
    plain = train(Net(lambda x: x / 0.0))
    with gg.watch(Net(lambda x: x / 0.0)) as watcher:
        seen = train(watcher.model)
    for one, other in zip(plain, seen, strict=True):
        assert torch.equal(torch.isnan(one), torch.isnan(other))


class Switching(nn.Module):
    """One expert a step, in turn."""

    def __init__(self) -> None:
        super().__init__()
        self.experts = nn.ModuleList(nn.Linear(4, 4) for _ in range(3))
        self.out, self.turn = nn.Linear(4, 1), 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(torch.relu(self.experts[self.turn % 3](x)))


def test_what_is_not_there_in_a_step_is_no_nan():
    torch.manual_seed(0)
    x, y = torch.randn(8, 4), torch.randn(8, 1)
    model = Switching()
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    rivals = [Switching(), Switching()]
    theirs = [torch.optim.SGD(one.parameters(), 0.01) for one in rivals]
    pair = nn.ModuleList(rivals)
    with (
        gg.watch(model, optimizer=optimizer, every=1) as switching,
        gg.watch(pair, every=1) as two,
    ):
        for turn in range(9):
            for one, moves in ((model, optimizer), (rivals[turn % 2], theirs[turn % 2])):
                one.turn = turn
                moves.zero_grad()
                ((one(x) - y) ** 2).mean().backward()
                moves.step()
    assert switching.run.figure("non_finite_step")[0] == -1
    assert two.run.figure("non_finite_step")[0] == -1


def test_a_norm_that_float32_cannot_hold_is_finite_where_its_entries_are():
    """Gradients of a loss that was scaled up: ten times 3e38 is beyond float32, and no infinity."""
    large = torch.full((100,), 3e38)
    broken = torch.tensor([3e38, float("inf")])
    assert tensor_norms([large, broken]) == [pytest.approx(3e39, rel=1e-6), float("inf")]


def test_a_loss_scaled_up_to_the_end_of_float32_is_no_infinity():
    torch.manual_seed(0)
    model = nn.Linear(4, 200)
    optimizer = torch.optim.SGD(model.parameters(), 1e-3)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**126)
    with gg.watch(model, every=1) as watcher:
        for _ in range(3):
            optimizer.zero_grad()
            # A slope of 1 for every output: entries of 2^126, a norm of more than 2^128.
            scaler.scale(model(torch.ones(1, 4)).sum()).backward()
            scaler.step(optimizer)
            scaler.update()
    assert watcher.run.figure("non_finite_step")[0] == -1
    norms = watcher.run.values("steps", "weight_grad_norm")[0]
    assert norms == pytest.approx(np.full(norms.shape, 800**0.5), rel=1e-5)
