"""Properties of PyTorch trainings: each broken in several ways, mended, and looked odd but sound."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.nn import functional as nnf  # noqa: E402
from torch.utils.data import DataLoader, TensorDataset  # noqa: E402

from gradgauge.diagnosis.properties.answers import Properties  # noqa: E402
from gradgauge.diagnosis.trainees.torch.properties import properties_of  # noqa: E402

ROWS, FEATURES, CLASSES = 64, 6, 4


def batches(x: Any = None, y: Any = None, **options: Any) -> Any:
    """A loader of random samples."""
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(ROWS, FEATURES, generator=draw) if x is None else x
    y = torch.randint(0, CLASSES, (len(x),), generator=draw) if y is None else y
    return DataLoader(TensorDataset(x, y), 32, **options)


def ask(
    model: Any,
    loss: Any = nnf.cross_entropy,
    loader: Any = None,
    optimizer: Any = None,
) -> Properties:
    """The properties of a training."""
    optimizer = optimizer or torch.optim.Adam(model.parameters(), 1e-3)
    return properties_of(model, loss, optimizer, loader or batches())


def net(out: int = CLASSES, *last: Any) -> Any:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(FEATURES, 16), nn.Tanh(), nn.Linear(16, out), *last)


class Calls(nn.Module):
    """A module whose forward is a function of its layers and the input."""

    def __init__(self, forward: Callable[..., Any], **parts: Any):
        super().__init__()
        torch.manual_seed(0)
        self.how = forward
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, x: Any) -> Any:
        return self.how(self, x)


def words() -> Any:
    return batches(torch.randint(0, 20, (ROWS, 5)))


def sequences() -> Any:
    return batches(torch.randn(ROWS, 5, FEATURES))


def recurrent(batch_first: bool) -> Any:
    def forward(self: Any, x: Any) -> Any:
        return self.head(self.lstm(x)[0][:, -1])

    return Calls(
        forward,
        lstm=nn.LSTM(FEATURES, 8, batch_first=batch_first),
        head=nn.Linear(8, CLASSES),
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
