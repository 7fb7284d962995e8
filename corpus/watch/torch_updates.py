"""PyTorch trainings whose updates are not one optimizer's step a batch."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from corpus.watch.case import Training, Watch, case
from corpus.watch.torch_combined import Block, Language, next_word
from corpus.watch.torch_plain import classes, mlp


def _steps(model: nn.Module, body: Callable[[int], None], steps: int = 3) -> Training:
    """A training of so many calls of `body`."""

    def train(watch: Watch) -> None:
        with watch(model):
            for i in range(steps):
                body(i)

    return Training(model, train)


@case("torch", fast=True)
def optimizer_swapped_midway() -> Training:
    model, loss = mlp(12, 20, 20, 5, activation=nn.Tanh), classes(12, 5)
    state: dict[str, Any] = {"optimizer": torch.optim.Adam(model[4].parameters(), 1e-2)}

    def body(i: int) -> None:
        if i == 2:
            state["optimizer"] = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
        loss(model, i).backward()
        state["optimizer"].step()
        model.zero_grad()

    return _steps(model, body, 4)


@case("torch", fast=True)
def group_added_midway() -> Training:
    model, loss = mlp(12, 20, 20, 5), classes(12, 5)
    model[0].requires_grad_(False)
    optimizer = torch.optim.AdamW(model[2:].parameters(), 1e-2)

    def body(i: int) -> None:
        if i == 2:
            model[0].requires_grad_(True)
            optimizer.add_param_group({"params": list(model[0].parameters()), "lr": 1e-3})
        loss(model, i).backward()
        optimizer.step()
        optimizer.zero_grad()

    return _steps(model, body, 4)


@case("torch", fast=True)
def averages_of_weights() -> Training:
    from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn, update_bn

    model = nn.Sequential(nn.Linear(12, 20), nn.BatchNorm1d(20), nn.ReLU(), nn.Linear(20, 5))
    optimizer, loss = torch.optim.SGD(model.parameters(), 0.1), classes(12, 5)
    averages: list[AveragedModel] = []

    def body(i: int) -> None:
        if not averages:
            averages.append(AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.9)))
        loss(model, i).backward()
        optimizer.step()
        optimizer.zero_grad()
        averages[0].update_parameters(model)
        update_bn([torch.randn(8, 12, generator=torch.Generator().manual_seed(i))], averages[0])
        with torch.no_grad():
            averages[0].eval()(torch.ones(3, 12))

    training = _steps(model, body)
    training.z = {"0": "out 1"}
    return training


@case("torch", fast=True)
def gradients_by_autograd_grad() -> Training:
    model, loss = mlp(12, 20, 5, activation=nn.Tanh), classes(12, 5)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)

    def body(i: int) -> None:
        weights = list(model.parameters())
        for weight, gradient in zip(
            weights, torch.autograd.grad(loss(model, i), weights), strict=True
        ):
            weight.grad = gradient
        optimizer.step()
        optimizer.zero_grad()

    return _steps(model, body)


@case("torch", fast=True)
def scaled_accumulated_clipped() -> Training:
    model, loss = Language([Block(16)]), next_word
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0, growth_interval=2)

    def body(i: int) -> None:
        for j in range(2):
            with torch.autocast("cpu", torch.bfloat16):
                value = loss(model, 2 * i + j) / 2
            scaler.scale(value).backward()
        scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(model.parameters(), 0.3)
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad(set_to_none=False)

    return _steps(model, body)


@case("torch", fast=True)
def two_optimizers_and_a_scaler() -> Training:
    model, loss = mlp(12, 20, 20, 5, activation=nn.GELU), classes(12, 5)
    both = [
        torch.optim.SGD(model[:3].parameters(), 0.1),
        torch.optim.AdamW(model[3:].parameters(), 1e-2),
    ]
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)

    def body(i: int) -> None:
        scaler.scale(loss(model, i)).backward()
        for optimizer in both:
            scaler.step(optimizer)
        scaler.update()
        for optimizer in both:
            optimizer.zero_grad()

    return _steps(model, body)


@case("torch", fast=True)
def critic_five_times() -> Training:
    model = nn.ModuleDict(
        {"generator": mlp(4, 16, 6), "critic": mlp(6, 16, 1, activation=lambda: nn.LeakyReLU(0.2))}
    )
    generator, critic = model["generator"], model["critic"]
    optimizers = {
        "critic": torch.optim.RMSprop(critic.parameters(), 1e-3),
        "generator": torch.optim.RMSprop(generator.parameters(), 1e-3),
    }

    def train(watch: Watch) -> None:
        with watch(critic):
            for i in range(6):
                source = torch.Generator().manual_seed(100 + i)
                z, x = torch.randn(8, 4, generator=source), torch.randn(8, 6, generator=source)
                optimizers["critic"].zero_grad()
                (critic(generator(z).detach()).mean() - critic(x).mean()).backward()
                optimizers["critic"].step()
                with torch.no_grad():
                    for weight in critic.parameters():
                        weight.clamp_(-0.3, 0.3)
                if i % 3 == 2:
                    optimizers["generator"].zero_grad()
                    (-critic(generator(z)).mean()).backward()
                    optimizers["generator"].step()

    return Training(critic, train)


@case("torch", fast=True)
def replay_and_target_network() -> Training:
    model = mlp(6, 24, 24, 3)
    target = copy.deepcopy(model).requires_grad_(False)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)

    def body(i: int) -> None:
        nonlocal target
        source = torch.Generator().manual_seed(800 + i)
        with torch.no_grad():
            model(torch.randn(1, 6, generator=source)).argmax()
        x, y = (torch.randn(16, 6, generator=source) for _ in range(2))
        with torch.no_grad():
            best = model(y).argmax(1, keepdim=True)
            wanted = 0.9 * target(y).gather(1, best)
        optimizer.zero_grad()
        nn.functional.smooth_l1_loss(model(x)[:, :1], wanted).backward()
        nn.utils.clip_grad_value_(model.parameters(), 0.01)
        optimizer.step()
        target = copy.deepcopy(model)

    return _steps(model, body)


@case("torch", fast=True)
def embedding_trained_by_sparse_adam_in_bfloat16() -> Training:
    model = nn.Sequential(
        nn.Embedding(30, 8, sparse=True),
        nn.Flatten(),
        nn.Linear(48, 12),
        nn.SiLU(),
        nn.Linear(12, 5),
    )
    both = (
        torch.optim.SparseAdam(list(model[0].parameters()), 1e-2),
        torch.optim.Adagrad(model[2:].parameters(), 1e-2),
    )

    def body(i: int) -> None:
        x = torch.randint(0, 30, (8, 6), generator=torch.Generator().manual_seed(i))
        with torch.autocast("cpu", torch.bfloat16):
            out = model(x)
        nn.functional.cross_entropy(out.float(), torch.arange(8) % 5).backward()
        for optimizer in both:
            optimizer.step()
            optimizer.zero_grad()

    return _steps(model, body)


@case("torch", fast=True)
def halves_frozen_in_turn() -> Training:
    model, loss = mlp(12, 20, 20, 5, activation=nn.ELU), classes(12, 5)
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)

    def body(i: int) -> None:
        for at, module in enumerate(model):
            module.requires_grad_(at % 4 == 2 * (i % 2))
        loss(model, i).backward()
        optimizer.step()
        optimizer.zero_grad()

    return _steps(model, body, 4)
