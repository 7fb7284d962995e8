"""PyTorch trains a case by itself, and shows what went on inside at every state."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping

import numpy as np
import torch

from tests.agreement.cases import MOMENTUM, WEIGHT_DECAY, Case

nn = torch.nn
ACTIVATIONS = {
    "relu": nn.ReLU(),
    "leaky_relu": nn.LeakyReLU(0.01),
    "relu6": nn.ReLU6(),
    "hardtanh": nn.Hardtanh(),
    "hard_sigmoid": lambda x: hard_sigmoid(x),
    "elu": nn.ELU(),
    "selu": nn.SELU(),
    "sigmoid": nn.Sigmoid(),
    "tanh": nn.Tanh(),
    "softsign": nn.Softsign(),
    "gelu": nn.GELU(),
    "gelu_tanh": nn.GELU(approximate="tanh"),
    "silu": nn.SiLU(),
    "mish": nn.Mish(),
    "softplus": nn.Softplus(),
    "erf": torch.erf,
    "arctan": torch.atan,
    "sin": torch.sin,
    "linear": nn.Identity(),
    "scaled_sigmoid": lambda x: 4 * torch.sigmoid(x) - 2,
}


def hard_sigmoid(x: torch.Tensor) -> torch.Tensor:
    """nn.Hardsigmoid's backward kernel has 1/6 in float32, whatever the dtype: 3e-8 too large."""
    return nn.functional.hardsigmoid(x) if x.dtype == torch.float32 else (x / 6 + 0.5).clamp(0, 1)


SLOTS = {
    "momentum_torch": ("momentum_buffer",),
    "nesterov_torch": ("momentum_buffer",),
    "rmsprop_torch": ("square_avg",),
    "adam_torch": ("exp_avg", "exp_avg_sq"),
    "adamw_torch": ("exp_avg", "exp_avg_sq"),
}
DTYPES = {"float32": torch.float32, "float64": torch.float64}


def optimizer_of(case: Case, parameters: list[torch.Tensor]) -> torch.optim.Optimizer:
    rate, optim = case.learning_rate, torch.optim
    return {
        "sgd": lambda: optim.SGD(parameters, rate),
        "momentum_torch": lambda: optim.SGD(parameters, rate, momentum=MOMENTUM),
        "nesterov_torch": lambda: optim.SGD(parameters, rate, momentum=MOMENTUM, nesterov=True),
        "rmsprop_torch": lambda: optim.RMSprop(parameters, rate),
        "adam_torch": lambda: optim.Adam(parameters, rate),
        "adamw_torch": lambda: optim.AdamW(parameters, rate, weight_decay=WEIGHT_DECAY),
    }[case.optimizer]()


class Network(nn.Module):
    """Linear, normalization, activation; identity skips; the output layer."""

    def __init__(self, case: Case):
        super().__init__()
        self.case = case
        dtype = DTYPES[case.dtype]
        self.linear = nn.ModuleList(nn.Linear(m, n, dtype=dtype) for m, n in case.shapes)
        make = {
            "none": lambda n: nn.Identity(),  # noqa: ARG005
            "batch": lambda n: nn.BatchNorm1d(n, eps=1e-3, momentum=0.01, dtype=dtype),
            "layer": lambda n: nn.LayerNorm(n, eps=1e-3, dtype=dtype),
        }[case.norm]
        self.norm = nn.ModuleList(make(width) for width in case.widths)
        initial = case.initial()
        with torch.no_grad():
            for name, tensor in self.tensors().items():
                value = torch.from_numpy(initial[name])
                tensor.copy_(value.T if name.startswith("weight") else value)

    def tensors(self) -> dict[str, torch.Tensor]:
        named = {}
        for i, linear in enumerate(self.linear, start=1):
            named |= {f"weight/{i}": linear.weight, f"bias/{i}": linear.bias}
        if self.case.norm != "none":
            for i, norm in enumerate(self.norm, start=1):
                named |= {f"gamma/{i}": norm.weight, f"beta/{i}": norm.bias}
        return named

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        taps, saved, skip = {}, None, self.case.skip
        for i, activation in enumerate(self.case.activations):
            z = self.norm[i](self.linear[i](x))
            h = ACTIVATIONS[activation](z)
            taps |= {f"z/{i + 1}": z, f"h/{i + 1}": h}
            x = h
            if skip and i % skip == 0:
                x = h if saved is None else h + saved
                saved = x
        return self.linear[-1](x), taps


def loss_of(case: Case, outputs: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    if case.loss == "cross_entropy":
        return nn.functional.cross_entropy(outputs, y.long())
    if case.loss == "mse_one_hot":
        y = nn.functional.one_hot(y.long(), outputs.shape[1]).to(outputs.dtype)
    return nn.functional.mse_loss(outputs, y)


class Log(dict[str, list[np.ndarray]]):
    """Arrays by name, one a state; weights as (fan_in, units)."""

    def keep(self, key: str, value: torch.Tensor) -> None:
        array = value.detach().numpy()
        self.setdefault(key, []).append((array.T if "weight/" in key else array).copy())

    def stacked(self) -> dict[str, np.ndarray]:
        return {key: np.stack(values) for key, values in self.items()}


def pass_through(network: Network, x: torch.Tensor, y: torch.Tensor, log: Log) -> None:
    """Loss, every z, h, delta, g and gradient of a batch."""
    network.zero_grad()
    outputs, taps = network(x)
    taps[f"z/{len(network.case.shapes)}"] = outputs
    for tap in taps.values():
        tap.retain_grad()
    loss = loss_of(network.case, outputs, y)
    loss.backward()
    log.keep("loss", loss)
    for name, tap in taps.items():
        log.keep(name, tap)
        log.keep(name.replace("z/", "delta/").replace("h/", "g/"), tap.grad)
    for name, tensor in network.tensors().items():
        log.keep(f"grad/{name}", tensor.grad)


@functools.lru_cache(maxsize=64)
def trajectory(case: Case) -> dict[str, np.ndarray]:
    """`before/T`, `grad/T`, `slot0/T`, `after/T` of every tensor T (`weight/1`, ...); `z/1`,
    `h/1`, `delta/1`, `g/1`; `loss`; `mean/1`, `variance/1` behind the step; `inference_loss` of
    the last batch behind the last step."""
    network = Network(case)
    tensors = network.tensors()
    optimizer = optimizer_of(case, list(tensors.values()))
    log = Log()
    for x, y in zip(*(torch.from_numpy(a) for a in case.batches()), strict=True):
        for name, tensor in tensors.items():
            log.keep(f"before/{name}", tensor)
            for k, slot in enumerate(SLOTS.get(case.optimizer, ())):
                value = optimizer.state[tensor].get(slot)
                log.keep(f"slot{k}/{name}", torch.zeros_like(tensor) if value is None else value)
        pass_through(network, x, y, log)
        if case.clip_norm:
            nn.utils.clip_grad_norm_(tensors.values(), case.clip_norm)
        optimizer.step()
        for name, tensor in tensors.items():
            log.keep(f"after/{name}", tensor)
        if case.norm == "batch":
            for i, norm in enumerate(network.norm, start=1):
                log.keep(f"mean/{i}", norm.running_mean)
                log.keep(f"variance/{i}", norm.running_var)
    network.eval()
    x, y = (torch.from_numpy(part)[-1] for part in case.batches())
    with torch.no_grad():
        log.keep("inference_loss", loss_of(case, network(x)[0], y))
    return log.stacked()


def exact_passes(case: Case, before: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """From the states `before/T`, the passes in float64: what both float32 sides round."""
    network, log = Network(dataclasses.replace(case, dtype="float64")), Log()
    for state, (x, y) in enumerate(zip(*map(torch.from_numpy, case.batches()), strict=True)):
        with torch.no_grad():
            for name, tensor in network.tensors().items():
                value = torch.from_numpy(before[f"before/{name}"][state])
                tensor.copy_(value.T if name.startswith("weight") else value)
        pass_through(network, x.double(), y if y.dtype == torch.int32 else y.double(), log)
    return log.stacked()
