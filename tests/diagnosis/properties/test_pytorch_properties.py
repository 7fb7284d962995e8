"""Properties of PyTorch trainings: each broken in several ways, mended, and looked odd but sound."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
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
)


def cut(how: Callable[[Any], Any]) -> Any:
    """A network of which the first layer's outputs go through `how`."""
    return Calls(
        lambda self, x: self.head(how(self.first(x))),
        first=nn.Linear(FEATURES, 8),
        head=nn.Linear(8, CLASSES),
    )


CUT = {
    "detach": lambda h: h.detach(),
    "round": torch.round,
    "sign": torch.sign,
    "threshold": lambda h: (h > 0).float(),
    "argmax": lambda h: nnf.one_hot(h.argmax(1), 8).float(),
    "numpy": lambda h: torch.as_tensor(h.detach().numpy()).tanh(),
    "data": lambda h: h.data * 2,
    "rebuilt": lambda h: torch.tensor(h.tolist()),
}


@pytest.mark.parametrize("name", CUT)
def test_layers_behind_a_cut(name: str):
    found = ask(cut(CUT[name]))
    assert found.reach is not None
    assert {found.names[i] for i in found.reach.cut} == {"first.weight", "first.bias"}
    assert not found.reach.nothing


NOTHING = {
    "argmax": (lambda out, y: (out.argmax(1) != y).float().mean().requires_grad_(), False),
    "rebuilt": (
        lambda out, y: torch.tensor(nnf.cross_entropy(out, y).item(), requires_grad=True),
        False,
    ),
    "detached": (lambda out, y: nnf.cross_entropy(out.detach(), y).requires_grad_(), False),
    "rounded": (lambda out, y: ((out.round().sum(1) - y) ** 2).mean(), False),
    "labels alone": (
        lambda _, y: nnf.cross_entropy(nnf.one_hot(y, CLASSES).float().requires_grad_(), y),
        True,
    ),
}


@pytest.mark.parametrize("name", NOTHING)
def test_losses_that_reach_nothing(name: str):
    loss, constant = NOTHING[name]
    found = ask(net(), loss)
    assert found.reach is not None and found.reach.nothing
    assert not found.reach.within_model
    if constant:
        assert found.reach.constant


def test_outputs_that_are_cut_within_the_model():
    model = Calls(lambda self, x: torch.round(self.head(x)), head=nn.Linear(FEATURES, CLASSES))
    found = ask(model)
    assert found.reach is not None and found.reach.nothing and found.reach.within_model


def test_layers_that_are_not_the_optimizers():
    model = net()
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    model[2] = nn.Linear(16, CLASSES)
    assert sorted(t.shape for t in ask(model, optimizer=optimizer).loose) == [
        (CLASSES,),
        (CLASSES, 16),
    ]
    assert all(t.registered and t.in_model for t in ask(model, optimizer=optimizer).loose)


def test_layers_in_a_plain_list():
    hidden = [nn.Linear(FEATURES, FEATURES) for _ in range(2)]
    model = Calls(
        lambda self, x: self.head(self.hidden[1](self.hidden[0](x))),
        head=nn.Linear(FEATURES, CLASSES),
        hidden=hidden,
    )
    found = ask(model).loose
    assert len(found) == 4
    assert all(t.in_model and not t.registered for t in found)
    both = [*model.parameters(), *(p for layer in hidden for p in layer.parameters())]
    assert ask(model, optimizer=torch.optim.Adam(both, 1e-3)).loose == ()


def test_weights_that_are_no_parameter():
    model = Calls(
        lambda self, x: self.head(x @ self.extra),
        head=nn.Linear(FEATURES, CLASSES),
        extra=torch.randn(FEATURES, FEATURES, requires_grad=True),
    )
    (found,) = ask(model).loose
    assert found.shape == (FEATURES, FEATURES) and not found.registered


def test_a_first_state_made_in_the_pass_is_nobodys():
    model = Calls(
        lambda self, x: self.head(self.cell(x, torch.zeros(len(x), 8, requires_grad=True))),
        cell=nn.GRUCell(FEATURES, 8),
        head=nn.Linear(8, CLASSES),
    )
    assert ask(model).loose == ()


NUMBERS = {"y": torch.randn(ROWS)}
PAIRED = {
    "minus": (net, lambda out, y: ((out - y) ** 2).mean(), torch.randn(ROWS)),
    "mse_loss within a function": (
        net,
        lambda out, y: 2 * _quiet(nnf.mse_loss, out, y),
        torch.randn(ROWS),
    ),
    "squeezed outputs": (
        net,
        lambda out, y: (out.squeeze() - y).abs().mean(),
        torch.randn(ROWS, 1),
    ),
    "targets turned by hand": (
        net,
        lambda out, y: ((out.flatten() - y.unsqueeze(1)) ** 2).mean(),
        torch.randn(ROWS),
    ),
    "binary by hand": (
        lambda out: net(out, nn.Sigmoid()),
        lambda p, y: -(y * p.log() + (1 - y) * (1 - p).log()).mean(),
        torch.randint(0, 2, (ROWS,)).float(),
    ),
    "weights of samples": (
        net,
        lambda out, y: ((out - y) ** 2 * (1 + y[:, 0].abs())).mean(),
        torch.randn(ROWS, 1),
    ),
}


def _quiet(function: Any, *args: Any) -> Any:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(*args)


@pytest.mark.parametrize("name", PAIRED)
def test_every_output_against_every_target(name: str):
    make, loss, y = PAIRED[name]
    found = ask(make(1), loss, batches(y=y))
    assert found.mispaired is not None
    assert found.mispaired.outputs.count("B") == 1


def test_the_loss_is_followed_into_functions_of_ones_own():
    def loss(out: Any, y: Any) -> Any:
        return 0.1 * out.pow(2).mean() + nn.NLLLoss()(out, y)

    (call,) = ask(net(CLASSES, nn.Softmax(1)), loss).calls
    assert (call.name, call.activation) == ("nll_loss", "softmax")
    np.testing.assert_allclose(call.given.sum(-1), 1, rtol=1e-5)


def test_dropout_that_never_ends():
    def forward(self: Any, x: Any) -> Any:
        return self.head(nnf.dropout(x, 0.5))

    found = ask(Calls(forward, head=nn.Linear(FEATURES, CLASSES))).modes
    assert found is not None and found.dropout == "dropout"


def test_dropout_that_is_meant_or_told_the_mode():
    def meant(self: Any, x: Any) -> Any:
        return self.head(nnf.dropout(x, 0.5, training=True))

    def told(self: Any, x: Any) -> Any:
        return self.head(nnf.dropout(x, 0.5, self.training))

    for forward in (meant, told):
        found = ask(Calls(forward, head=nn.Linear(FEATURES, CLASSES))).modes
        assert found is not None and not found.dropout


def test_statistics_that_never_follow():
    norm = nn.BatchNorm1d(FEATURES, momentum=0.0)
    found = ask(nn.Sequential(norm, nn.Linear(FEATURES, CLASSES))).modes
    assert found is not None and found.frozen == ("0",)


def test_nothing_is_left_behind():
    """Weights, statistics, modes, hooks, random states and gradients are bit for bit as before."""
    model = nn.Sequential(
        nn.Linear(FEATURES, 16), nn.BatchNorm1d(16), nn.Dropout(0.5), nn.Linear(16, CLASSES)
    )
    model[1].eval()
    loss = nnf.cross_entropy(model(torch.randn(8, FEATURES)), torch.zeros(8, dtype=torch.long))
    loss.backward()
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    grads = [p.grad for p in model.parameters() if p.grad is not None]
    kept = [t.clone() for t in (*model.state_dict().values(), *grads)]
    modes, state = [m.training for m in model.modules()], torch.get_rng_state()
    loader = batches(generator=torch.Generator().manual_seed(0))
    ask(
        model,
        lambda out, y: (out.argmax(1) != y).float().mean().requires_grad_(),
        loader,
        optimizer,
    )
    now = [*model.state_dict().values(), *(p.grad for p in model.parameters())]
    assert all(torch.equal(a, b) for a, b in zip(kept, now, strict=True))
    assert [m.training for m in model.modules()] == modes
    assert torch.equal(torch.get_rng_state(), state)
    assert all(not m._forward_hooks for m in model.modules())
