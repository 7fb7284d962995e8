"""Trainings in PyTorch, healthy and faulty."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import torch
from torch import nn

from corpus import data
from corpus._case import Book
from corpus.torch_models import (
    Attention,
    Broken,
    Conv,
    Head,
    Parts,
    Recurrent,
    Residual,
    he,
    loader,
    mlp,
    normal,
    train,
)

BOOK = Book("pytorch")
CE, BCE, LOGITS, MSE = nn.CrossEntropyLoss, nn.BCELoss, nn.BCEWithLogitsLoss, nn.MSELoss


def _fit(model: nn.Module, loss: Any, optimizer: Any, x: Any, y: Any, epochs: int, seed: int) -> Any:
    return (model, loss, optimizer, loader(x, y, seed=seed)), {"epochs": epochs}


def _column(y: np.ndarray) -> np.ndarray:
    return y.astype(np.float32).reshape(-1, 1)


def _case(
    name: str, source: Any, build: Any, loss: Any = CE, rule: str | None = None, layers: tuple[str, ...] = (),
    kind: str = "dense", task: str = "multi-class", epochs: int = 8, rate: float = 1e-3,
    opt: Any = torch.optim.Adam, x_of: Any = None, y_of: Any = None, **o: Any,
) -> None:  # fmt: skip
    def make(seed: int) -> Any:
        x, y = source(seed)
        x, y = x if x_of is None else x_of(x), y if y_of is None else y_of(y)
        torch.manual_seed(seed)
        model = build(seed)
        return _fit(model, loss(), opt(model.parameters(), lr=rate, **o), x, y, epochs, seed)

    BOOK.add(name, kind, task, make, rule, layers)


SGD, RMS = torch.optim.SGD, torch.optim.RMSprop

# -- healthy

_case("relu", data.blobs, lambda s: mlp(20, 5, seed=s))
_case("he-deep", data.blobs, lambda s: mlp(20, 5, 8, seed=s, init=he))
_case("tanh-momentum", data.blobs, lambda s: mlp(20, 5, 3, activation=nn.Tanh, seed=s), opt=SGD, rate=0.05, momentum=0.9)
_case("batch-norm", data.blobs, lambda s: mlp(20, 5, 3, seed=s, norm=nn.BatchNorm1d))
_case("adamw-gelu", data.blobs, lambda s: mlp(20, 5, 3, activation=nn.GELU, seed=s), opt=torch.optim.AdamW, rate=3e-3)
_case("residual", data.blobs, lambda s: Residual(20, 5), kind="residual")
_case("log-softmax", data.blobs, lambda s: mlp(20, 5, seed=s, last=[nn.LogSoftmax(-1)]), nn.NLLLoss)
_case("moons-logits", data.moons, lambda s: mlp(2, 1, seed=s), LOGITS, task="binary", rate=1e-2, y_of=_column, epochs=12)
_case("rings-sigmoid", data.rings, lambda s: mlp(2, 1, seed=s, last=[nn.Sigmoid()]), BCE, task="binary", rate=1e-2,
      y_of=_column, epochs=12)
_case("regression", data.curve, lambda s: mlp(5, 1, seed=s), MSE, task="regression", rate=3e-3, epochs=12)
_case("regression-smooth", data.curve, lambda s: mlp(5, 1, 2, 64, nn.SiLU, seed=s), nn.SmoothL1Loss, task="regression",
      rate=3e-3, epochs=12)
_case("multi-label", data.several_labels, lambda s: mlp(12, 4, seed=s), LOGITS, task="multi-label", rate=3e-3)
_case("conv", data.images, lambda s: Conv(), kind="convolution", rate=3e-3)
_case("conv-norm", data.images, lambda s: Conv(norm=True), kind="convolution", rate=3e-3)
_case("conv-raw-norm", data.images, lambda s: Conv(norm=True), kind="convolution", x_of=lambda x: 255 * x, rate=3e-3)
_case("lstm", data.signs, lambda s: Recurrent(nn.LSTM, 2, 2), kind="recurrent", task="binary", rate=1e-2)
_case("gru-waves", data.waves, lambda s: Recurrent(nn.GRU, 1, 1), MSE, kind="recurrent", task="regression", rate=1e-2)
_case("rnn-clipped", data.signs, lambda s: Recurrent(nn.RNN, 2, 2), kind="recurrent", task="binary", rate=5e-3, opt=RMS)
_case("transformer", data.sentences, lambda s: Attention(), kind="attention", task="binary", rate=3e-3, epochs=10)
_case("high-rate", data.blobs, lambda s: mlp(20, 5, seed=s), opt=SGD, rate=0.7)
_case("dropout", data.blobs, lambda s: mlp(20, 5, 2, 64, lambda: nn.Sequential(nn.ReLU(), nn.Dropout(0.5)), seed=s))
_case("linear-zero", data.blobs, lambda s: mlp(20, 5, 0, seed=s, init=_zero), rate=0.03)


_hard = functools.partial(data.blobs, apart=0.4)
_case("overlapping", _hard, lambda s: mlp(20, 5, seed=s))
_case("overlapping-sgd", _hard, lambda s: mlp(20, 5, 3, seed=s), opt=SGD, rate=0.1, epochs=12)
_case("overlapping-five-deep", _hard, lambda s: mlp(20, 5, 5, 64, seed=s), epochs=12)
_case("noisy-regression", functools.partial(data.curve, noise=0.8), lambda s: mlp(5, 1, 2, 64, seed=s), MSE,
      task="regression", rate=3e-3, epochs=12)
_case("weighted", _hard, lambda s: mlp(20, 5, seed=s), lambda: CE(weight=torch.tensor([1.0, 2.0, 1.0, 0.5, 1.0])))
_case("sum-reduction", data.blobs, lambda s: mlp(20, 5, seed=s), lambda: CE(reduction="sum"))
_case("smoothing", data.blobs, lambda s: mlp(20, 5, seed=s), lambda: CE(label_smoothing=0.1))


def _zero(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.zeros_(module.weight)


def _tuned_head(seed: int) -> Any:
    x, y = data.blobs(seed)
    body = train(mlp(20, 5, 3, seed=seed), x, y)[:-1]  # type: ignore[index]
    for parameter in body.parameters():
        parameter.requires_grad = False
    x, y = data.blobs(seed, classes=3)
    torch.manual_seed(seed)
    model = Head(body, 32, 3)
    return _fit(model, CE(), torch.optim.Adam(model.head.parameters(), 1e-2), x, y, 6, seed)


def _going_on(seed: int) -> Any:
    x, y = data.blobs(seed)
    model = train(mlp(20, 5, seed=seed), x, y, 20)
    return _fit(model, CE(), SGD(model.parameters(), 1e-3), x, y, 4, seed)


def _groups(seed: int) -> Any:
    x, y = data.blobs(seed)
    body = train(mlp(20, 5, 3, seed=seed), x, y)[:-1]  # type: ignore[index]
    torch.manual_seed(seed)
    model = Head(body, 32, 5)
    groups = [{"params": model.body.parameters(), "lr": 1e-5}, {"params": model.head.parameters(), "lr": 1e-2}]
    return _fit(model, CE(), torch.optim.Adam(groups), x, y, 6, seed)


BOOK.add("tuned-head", "dense", "multi-class", _tuned_head)
BOOK.add("going-on", "dense", "multi-class", _going_on)
BOOK.add("groups", "dense", "multi-class", _groups)

# -- faulty

_case("sigmoid-8", data.blobs, lambda s: mlp(20, 5, 8, activation=nn.Sigmoid, seed=s), CE, "vanishing-gradient", ("0",))
_case("relu-20-default", data.blobs, lambda s: mlp(20, 5, 20, seed=s), CE, "vanishing-gradient", ("0",))
_case("rnn-memory", data.remember, lambda s: Recurrent(nn.RNN, 2, 2), CE, "vanishing-gradient", ("rnn",), "recurrent",
      "binary", 5)
_case("deep-normal", data.blobs, lambda s: mlp(20, 5, 12, 64, seed=s, init=normal(0.6)), CE, "exploding-gradient", ("0",),
      opt=SGD, rate=0.01)
_case("rnn-scale", data.waves, lambda s: _scaled_rnn(4.0), MSE, "exploding-gradient", ("rnn",), "recurrent", "regression",
      opt=SGD, rate=0.05)
_case("dead-bias", data.blobs, lambda s: _biased(mlp(20, 5, 3, seed=s), 2, -15.0), CE, "dead-units", ("2",))
_case("dead-all", data.curve, lambda s: _biased(mlp(5, 1, 1, seed=s), 0, -15.0), MSE, "dead-units", ("0",), task="regression")
_case("saturated", data.blobs, lambda s: _biased(mlp(20, 5, 3, activation=nn.Tanh, seed=s), 2, 9.0), CE, "saturated-units",
      ("2",))
_case("softmax-twice", data.blobs, lambda s: mlp(20, 5, seed=s, last=[nn.Softmax(-1)]), CE, "loss-mismatch", ("4",))
_case("sigmoid-twice", data.moons, lambda s: mlp(2, 1, seed=s, last=[nn.Sigmoid()]), LOGITS, "loss-mismatch", ("4",),
      task="binary", y_of=_column)
_case("logits-nll", data.blobs, lambda s: mlp(20, 5, seed=s), nn.NLLLoss, "loss-mismatch", ("4",))
_case("softmax-nll", data.blobs, lambda s: mlp(20, 5, seed=s, last=[nn.Softmax(-1)]), nn.NLLLoss, "loss-mismatch", ("4",))
_case("broadcast", data.curve, lambda s: mlp(5, 1, seed=s), MSE, "loss-mismatch", ("4",), task="regression",
      y_of=lambda y: y[:, 0])
_case("sigmoid-target", data.curve, lambda s: mlp(5, 1, seed=s, last=[nn.Sigmoid()]), MSE, "loss-mismatch", ("4",),
      task="regression", y_of=lambda y: 20 + 5 * y)
_case("pixels-sgd", data.images, lambda s: Conv(), CE, "unscaled-input", (), "convolution", x_of=lambda x: 255 * x, opt=SGD,
      rate=0.1)
_case("table", data.table, lambda s: mlp(6, 2, seed=s), CE, "unscaled-input", (), task="binary", opt=SGD, rate=0.01)
_case("tanh-hundreds", data.blobs, lambda s: mlp(20, 5, 3, activation=nn.Tanh, seed=s), CE, "unscaled-input", (),
      x_of=lambda x: 500 * x + 2000)
_case("sgd-30", data.blobs, lambda s: mlp(20, 5, seed=s), CE, "learning-rate-too-high", (), opt=SGD, rate=30.0)
_case("adam-1", data.images, lambda s: Conv(), CE, "learning-rate-too-high", (), "convolution", rate=1.0)
_case("momentum", data.curve, lambda s: mlp(5, 1, seed=s), MSE, "learning-rate-too-high", (), task="regression", opt=SGD,
      rate=1.0, momentum=0.95)
_case("transformer-high", data.sentences, lambda s: Attention(), CE, "learning-rate-too-high", (), "attention", "binary",
      rate=0.5)
_case("sgd-low", data.blobs, lambda s: mlp(20, 5, seed=s), CE, "learning-rate-too-low", (), opt=SGD, rate=1e-6)
_case("adam-low-conv", data.images, lambda s: Conv(), CE, "learning-rate-too-low", (), "convolution", rate=1e-7)
_case("lstm-low", data.signs, lambda s: Recurrent(nn.LSTM, 2, 2), CE, "learning-rate-too-low", (), "recurrent", "binary",
      rate=1e-6)
_case("shuffled-target", data.curve, lambda s: mlp(5, 1, 1, 8, seed=s), MSE, "loss-not-falling", (), task="regression",
      y_of=lambda y: np.random.default_rng(5).permutation(y), epochs=4)
_case("input-inf", data.blobs, lambda s: mlp(20, 5, seed=s), CE, "non-finite", (),
      x_of=lambda x: np.where(np.arange(x.size).reshape(x.shape) == 4321, np.inf, x).astype("float32"))
_case("root", data.blobs, lambda s: Broken(torch.sqrt), CE, "non-finite", ("second", "first"))
_case("log", data.blobs, lambda s: Broken(torch.log), CE, "non-finite", ("second", "out"))
_case("ones", data.blobs, lambda s: mlp(20, 5, 2, seed=s, init=_constant), CE, "constant-initialization", ("0", "2"))
_case("zeros", data.curve, lambda s: mlp(5, 1, 2, seed=s, init=_all_zero), MSE, "constant-initialization", ("0", "2"),
      task="regression")
_case("normal-1", data.blobs, lambda s: mlp(20, 5, 5, 128, seed=s, init=normal(1.0)), CE, "bad-initial-scale",
      ("0", "2", "4", "6", "8"))
_case("tiny", data.blobs, lambda s: mlp(20, 5, 6, activation=nn.Tanh, seed=s, init=normal(1e-3)), CE, "bad-initial-scale",
      ("0", "2", "4", "6", "8", "10"), opt=SGD, rate=0.05)
_case("detached", data.blobs, lambda s: Parts(detach=True), CE, "unreached-layer", ("first", "second"))
_case("unused", data.blobs, lambda s: Parts(unused=True), CE, "unreached-layer", ("second",))


def _constant(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.constant_(module.weight, 0.05)
        nn.init.zeros_(module.bias)


def _all_zero(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.zeros_(module.weight)
        nn.init.zeros_(module.bias)


def _biased(model: nn.Sequential, place: int, value: float) -> nn.Sequential:
    nn.init.constant_(model[place].bias, value)  # type: ignore[arg-type]
    return model


def _scaled_rnn(scale: float) -> nn.Module:
    model = Recurrent(nn.RNN, 1, 1, nonlinearity="relu")
    with torch.no_grad():
        model.rnn.weight_hh_l0.mul_(scale)
    return model


def _frozen(seed: int) -> Any:
    x, y = data.blobs(seed)
    torch.manual_seed(seed)
    model = Parts()
    for parameter in model.second.parameters():
        parameter.requires_grad = False
    return _fit(model, CE(), torch.optim.Adam(model.parameters()), x, y, 6, seed)


def _forgotten(seed: int) -> Any:
    x, y = data.blobs(seed)
    torch.manual_seed(seed)
    model = Parts()
    some = [*model.second.parameters(), *model.third.parameters(), *model.out.parameters()]
    return _fit(model, CE(), torch.optim.Adam(some), x, y, 6, seed)


def _one_group(high: float, low: float) -> Any:
    def make(seed: int) -> Any:
        x, y = data.blobs(seed)
        model = mlp(20, 5, 3, seed=seed)
        rest = [p for i in (0, 4, 6) for p in model[i].parameters()]
        groups = [{"params": model[2].parameters(), "lr": high}, {"params": rest, "lr": low}]
        return _fit(model, CE(), SGD(groups), x, y, 6, seed)

    return make


BOOK.add("frozen", "dense", "multi-class", _frozen, "unreached-layer", ("second",))
BOOK.add("forgotten", "dense", "multi-class", _forgotten, "unreached-layer", ("first",))
BOOK.add("one-group", "dense", "multi-class", _one_group(50.0, 1e-3), "update-ratio", ("2",))
