"""diagnose on PyTorch modules with loss, optimizer and loader; and on JAX loss functions."""

from __future__ import annotations

import copy
import itertools

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from gradgauge.diagnosis.diagnose import diagnose
from gradgauge.diagnosis.errors import CannotDiagnose
from tests.diagnosis.made import inputs, labels

X, Y = torch.tensor(inputs()), torch.tensor(labels())
CE = nn.CrossEntropyLoss()


def batches() -> DataLoader:
    return DataLoader(TensorDataset(X, Y), 32, shuffle=True)


def net(*last: nn.Module, depth: int = 2) -> nn.Sequential:
    torch.manual_seed(0)
    body: list[nn.Module] = [nn.Linear(10, 16), nn.ReLU()]
    for _ in range(depth - 1):
        body += [nn.Linear(16, 16), nn.ReLU()]
    return nn.Sequential(*body, nn.Linear(16, 4), *last)


def adam(model: nn.Module, rate: float = 1e-2) -> torch.optim.Optimizer:
    return torch.optim.Adam(model.parameters(), rate)


def test_a_healthy_training_in_any_order_of_arguments():
    model = net()
    assert diagnose(model, CE, adam(model), batches(), epochs=8).healthy
    assert diagnose(model, batches(), adam(model), CE, epochs=8).healthy
    assert diagnose(model, X, Y, loss=CE, optimizer=adam(model), epochs=8).healthy


@pytest.mark.parametrize(
    ("last", "loss", "case"),
    [
        ([nn.Softmax(-1)], nn.CrossEntropyLoss(), "softmax_twice"),
        ([], nn.NLLLoss(), "logits_as_logs"),
        ([nn.Softmax(-1)], nn.NLLLoss(), "probabilities_as_logs"),
    ],
)
def test_losses_that_do_not_fit(last, loss, case):
    model = net(*last)
    primary = diagnose(model, loss, adam(model), batches(), epochs=2).primary
    assert primary is not None
    assert (primary.rule, primary.case, primary.layer) == ("loss-mismatch", case, "4")


def test_a_layer_that_the_optimizer_does_not_have():
    model = net(depth=3)
    some = torch.optim.Adam([*model[0].parameters(), *model[4:].parameters()], 1e-2)
    primary = diagnose(model, CE, some, batches(), epochs=4).primary
    assert primary is not None
    assert (primary.rule, primary.case, primary.layer) == (
        "unreached-layer",
        "not_in_optimizer",
        "2",
    )


def test_a_root_of_nothing_is_found_where_it_is():
    class Rooted(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.out = nn.Linear(10, 16), nn.Linear(16, 4)

        def forward(self, x):
            return self.out(torch.sqrt(self.first(x) * 0))

    model = Rooted()
    diagnosis = diagnose(model, CE, adam(model), batches(), epochs=2)
    finding = next(f for f in diagnosis.findings if f.rule == "non-finite")
    assert (finding.layer, finding.case) == ("first", "gradient")


def test_everything_is_put_back():
    model = nn.Sequential(nn.Linear(10, 16), nn.BatchNorm1d(16), nn.Dropout(0.3), nn.Linear(16, 4))
    optimizer = adam(model)
    CE(model(X), Y).backward()
    optimizer.step()
    model.eval()
    weights, state = copy.deepcopy(model.state_dict()), copy.deepcopy(optimizer.state_dict())
    weight = model.get_parameter("0.weight")
    grad = weight.grad.clone()
    torch.manual_seed(4)
    random_state = torch.get_rng_state()
    diagnose(model, CE, optimizer, batches(), epochs=2)
    assert all(torch.equal(v, model.state_dict()[k]) for k, v in weights.items())
    again = optimizer.state_dict()
    for key, entry in state["state"].items():
        assert all(torch.equal(v, again["state"][key][n]) for n, v in entry.items())
    assert not model.training
    assert torch.equal(grad, weight.grad)
    assert torch.equal(random_state, torch.get_rng_state())


def test_the_users_own_exception_comes_through():
    class Stumbles(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner, self.calls = nn.Linear(10, 4), 0

        def forward(self, x):
            self.calls += 1
            if self.calls > 20:
                raise ZeroDivisionError("mine")
            return self.inner(x)

    model = Stumbles()
    before = model.inner.weight.detach().clone()
    with pytest.raises(ZeroDivisionError, match="mine"):
        diagnose(model, CE, adam(model), batches(), epochs=9)
    assert torch.equal(before, model.inner.weight)


def test_what_it_refuses():
    model = net()
    with pytest.raises(CannotDiagnose) as caught:
        diagnose(model, CE, batches())
    assert caught.value.facts == {"what": "optimizer"}
    for parameter in model.parameters():
        parameter.requires_grad = False
    with pytest.raises(CannotDiagnose):
        diagnose(model, CE, adam(model), batches())


def test_a_jax_loss_function():
    import jax
    import jax.numpy as jnp

    rng = np.random.default_rng(0)
    widths = [10, 16, 16, 4]
    params = [
        {
            "w": jnp.asarray(rng.normal(0, np.sqrt(2 / m), (m, n)).astype(np.float32)),
            "b": jnp.zeros(n),
        }
        for m, n in itertools.pairwise(widths)
    ]

    def predict(params, x):
        for layer in params[:-1]:
            x = jax.nn.relu(x @ layer["w"] + layer["b"])
        return x @ params[-1]["w"] + params[-1]["b"]

    def loss(params, x, y):
        return -jnp.take_along_axis(jax.nn.log_softmax(predict(params, x)), y[:, None], 1).mean()

    options = {"predict": predict, "kind": "sparse_categorical", "epochs": 10}
    assert diagnose(loss, params, inputs(), labels(), learning_rate=0.1, **options).healthy
    primary = diagnose(loss, params, inputs(), labels(), learning_rate=1e-7, **options).primary
    assert primary is not None
    assert primary.rule == "learning-rate-too-low"


def test_embeddings_with_sparse_gradients():
    words = torch.randint(0, 40, (320, 6), generator=torch.Generator().manual_seed(0))
    torch.manual_seed(0)
    model = nn.Sequential(nn.EmbeddingBag(40, 16, sparse=True), nn.Linear(16, 2))
    loader = DataLoader(TensorDataset(words, words[:, 0] % 2), 32)
    optimizer = torch.optim.SGD(model.parameters(), 0.5)
    assert diagnose(model, CE, optimizer, loader, epochs=30).verdict in ("learned", "learning")


def test_weights_that_are_a_plain_tensor_are_named_where_no_layer_is_left():
    """Only the bias belongs to the module, so that no layer has signals."""

    class Plain(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = torch.randn(6, 3).mul(0.05).requires_grad_()
            self.bias = nn.Parameter(torch.zeros(3))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x @ self.w + self.bias

    torch.manual_seed(0)
    model = Plain()
    loader = DataLoader(TensorDataset(X[:, :6], X[:, :3].argmax(1)), 32, shuffle=True)
    result = diagnose(model, CE, adam(model, 0.1), loader, epochs=4)
    assert result.primary is not None and result.primary.rule == "unreached-layer"
