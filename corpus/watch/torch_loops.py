"""PyTorch's own modules, and loops that are not the tutorial's."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from corpus.watch.case import Training, Watch, case
from corpus.watch.torch_plain import PreNorm, classes, loop, mlp


@case("torch", fast=True)
def batch_norm_convolutions() -> Training:
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(inplace=True),
        nn.Conv2d(8, 8, 3, groups=2),
        nn.BatchNorm2d(8),
        nn.SiLU(),
        nn.Flatten(),
        nn.Linear(8 * 16, 5),
    )
    folded = {"0": "out 1", "3": "out 4"}

    def loss(model: nn.Module, i: int) -> Tensor:
        x = torch.randn(6, 3, 8, 8, generator=torch.Generator().manual_seed(100 + i))
        return nn.functional.cross_entropy(model(x), torch.arange(6) % 5)

    return Training(model, loop(model, loss), z=folded)


class Recurrent(nn.Module):
    """An embedding, a bidirectional LSTM, a head."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.cell = nn.Embedding(20, 8), nn.LSTM(8, 12, bidirectional=True)
        self.head = nn.Linear(24, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.cell(self.embed(x))[0][-1])


def token_classes(words: int = 20, outputs: int = 5, length: int = 7) -> Any:
    """Cross entropy of random tokens, time first, and labels."""

    def loss(model: nn.Module, i: int) -> Tensor:
        source = torch.Generator().manual_seed(100 + i)
        x = torch.randint(0, words, (length, 8), generator=source)
        return nn.functional.cross_entropy(model(x), torch.arange(8) % outputs)

    return loss


@case("torch", fast=True)
def lstm_bidirectional() -> Training:
    model = Recurrent()
    return Training(model, loop(model, token_classes(), clip=0.5))


class Encoder(nn.Module):
    """PyTorch's transformer encoder, post norm."""

    def __init__(self, norm_first: bool = False):
        super().__init__()
        self.embed = nn.Embedding(20, 16)
        block = nn.TransformerEncoderLayer(16, 2, 32, 0.1, norm_first=norm_first)
        self.body = nn.TransformerEncoder(block, 2, enable_nested_tensor=False)
        self.head = nn.Linear(16, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(self.embed(x)).mean(0))


@case("torch", fast=True)
def encoder_post_norm() -> Training:
    model = Encoder()
    return Training(model, loop(model, token_classes()))


@case("torch", fast=True)
def encoder_pre_norm() -> Training:
    model = Encoder(True)
    return Training(model, loop(model, token_classes()))


@case("torch", fast=True)
def layer_called_twice() -> Training:
    shared = nn.Linear(16, 16)
    model = nn.Sequential(
        nn.Linear(12, 16), nn.Tanh(), shared, nn.Tanh(), shared, nn.Tanh(), nn.Linear(16, 5)
    )
    return Training(model, loop(model, classes(12, 5)))


class Checkpointed(PreNorm):
    """Its blocks are computed again in the backward pass."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for norm, up, down in zip(self.norms, self.ups, self.downs, strict=True):

            def block(x: Tensor, norm: Any = norm, up: Any = up, down: Any = down) -> Tensor:
                return down(nn.functional.gelu(up(norm(x))))

            x = x + checkpoint(block, x, use_reentrant=False)
        return self.head(x)


@case("torch", fast=True)
def checkpointed() -> Training:
    model = Checkpointed()
    return Training(model, loop(model, classes(12, 5)))


class OwnLoss(nn.Module):
    """The loss is a method; `forward` is never called."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Linear(12, 24), nn.Linear(24, 24), nn.Linear(24, 5)

    def loss(self, x: Tensor, y: Tensor) -> Tensor:
        h = torch.relu(self.b(torch.tanh(self.a(x))))
        return nn.functional.cross_entropy(self.c(h), y)


@case("torch", fast=True)
def loss_is_a_method() -> Training:
    model = OwnLoss()

    def loss(model: Any, i: int) -> Tensor:
        source = torch.Generator().manual_seed(100 + i)
        x = torch.randn(16, 12, generator=source)
        return model.loss(x, torch.randint(0, 5, (16,), generator=source))

    return Training(model, loop(model, loss))


@case("torch", fast=True)
def bfloat16_weights() -> Training:
    model = mlp(12, 24, 24, 5).to(torch.bfloat16)

    def loss(model: nn.Module, i: int) -> Tensor:
        x = torch.randn(16, 12, generator=torch.Generator().manual_seed(100 + i))
        out = model(x.bfloat16()).float()
        return nn.functional.cross_entropy(out, torch.arange(16) % 5)

    return Training(model, loop(model, loss, torch.optim.SGD(model.parameters(), 0.1)))


@case("torch", fast=True)
def float64_groups_and_schedule() -> Training:
    model = mlp(12, 24, 24, 5).double()
    groups = [{"params": model[:2].parameters(), "lr": 1e-4}, {"params": model[2:].parameters()}]
    optimizer = torch.optim.AdamW(groups, 1e-2, weight_decay=0.1)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda i: 0.5**i)

    def loss(model: nn.Module, i: int) -> Tensor:
        x = torch.randn(16, 12, generator=torch.Generator().manual_seed(100 + i))
        return nn.functional.cross_entropy(model(x.double()), torch.arange(16) % 5)

    return Training(model, loop(model, loss, optimizer, scheduler=scheduler))


@case("torch", fast=True)
def sparse_and_dense_optimizers() -> Training:
    model = nn.Sequential(
        nn.EmbeddingBag(30, 8, sparse=True), nn.Linear(8, 12), nn.ReLU(), nn.Linear(12, 5)
    )
    both = (
        torch.optim.SparseAdam(model[0].parameters(), 1e-2),
        torch.optim.Adam(model[1:].parameters(), 1e-2),
    )

    def train(watch: Watch) -> None:
        with watch(model):
            for i in range(3):
                x = torch.randint(0, 30, (8, 6), generator=torch.Generator().manual_seed(i))
                nn.functional.cross_entropy(model(x), torch.arange(8) % 5).backward()
                for optimizer in both:
                    optimizer.step()
                    optimizer.zero_grad()

    return Training(model, train)


@case("torch", fast=True)
def weight_norm_parametrized() -> Training:
    wrapped = nn.utils.parametrizations.weight_norm(nn.Linear(24, 24))
    model = nn.Sequential(nn.Linear(12, 24), nn.ReLU(), wrapped, nn.ReLU(), nn.Linear(24, 5))
    return Training(model, loop(model, classes(12, 5)))


class Scaled(nn.Module):
    """A layer scale, a PReLU and a learned temperature: parameters of one dimension or none."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.act, self.b = nn.Linear(12, 16), nn.PReLU(16), nn.Linear(16, 16)
        self.gamma, self.temperature = (
            nn.Parameter(torch.full((16,), 0.1)),
            nn.Parameter(torch.ones(())),
        )
        self.head = nn.Linear(16, 5)

    def forward(self, x: Tensor) -> Tensor:
        h = self.act(self.a(x))
        return self.head(h + self.gamma * self.b(h)) * self.temperature.exp()


@case("torch", fast=True)
def layer_scale_and_temperature() -> Training:
    model = Scaled()
    return Training(model, loop(model, classes(12, 5)), activations={"a": ("prelu", "leaky_relu")})


class Towers(nn.Module):
    """An actor and a critic side by side."""

    def __init__(self) -> None:
        super().__init__()
        self.actor, self.critic = mlp(12, 16, 16, 5), mlp(12, 16, 16, 1, activation=nn.Tanh)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.actor(x), self.critic(x)


@case("torch", fast=True)
def actor_and_critic() -> Training:
    model = Towers()

    def loss(model: nn.Module, i: int) -> Tensor:
        x = torch.randn(16, 12, generator=torch.Generator().manual_seed(100 + i))
        policy, value = model(x)
        return nn.functional.cross_entropy(policy, torch.arange(16) % 5) + value.pow(2).mean()

    return Training(model, loop(model, loss))


@case("torch", fast=True)
def frozen_body() -> Training:
    model = mlp(12, 24, 24, 5)
    model[0].requires_grad_(False)
    return Training(model, loop(model, classes(12, 5)))


class Rivals(nn.Module):
    """Generator and discriminator of one module."""

    def __init__(self) -> None:
        super().__init__()
        self.generator, self.critic = mlp(4, 16, 6), mlp(6, 16, 1, activation=nn.Tanh)


@case("torch", fast=True)
def rivals() -> Training:
    model = Rivals()
    critic = torch.optim.Adam(model.critic.parameters(), 1e-2)
    generator = torch.optim.Adam(model.generator.parameters(), 1e-2)

    def loss(out: Tensor, real: float) -> Tensor:
        logits = nn.functional.binary_cross_entropy_with_logits
        return logits(out, torch.full_like(out, real))

    def train(watch: Watch) -> None:
        with watch(model.critic):
            for i in range(3):
                source = torch.Generator().manual_seed(100 + i)
                z, x = torch.randn(8, 4, generator=source), torch.randn(8, 6, generator=source)
                critic.zero_grad()
                fake = model.generator(z)
                (loss(model.critic(x), 1.0) + loss(model.critic(fake.detach()), 0.0)).backward()
                critic.step()
                generator.zero_grad()
                loss(model.critic(fake), 1.0).backward()
                generator.step()

    return Training(model.critic, train)


@case("torch", fast=True)
def gradient_scaler() -> Training:
    model = mlp(12, 24, 24, 5)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    loss = classes(12, 5)

    def train(watch: Watch) -> None:
        with watch(model):
            for i in range(3):
                scaler.scale(loss(model, i)).backward()
                scaler.unscale_(optimizer)
                nn.utils.clip_grad_norm_(model.parameters(), 0.2)
                scaler.step(optimizer)
                scaler.update()
                optimizer.zero_grad()

    return Training(model, train)


@case("torch", fast=True)
def looks_between_steps() -> Training:
    model = nn.Sequential(
        nn.Linear(12, 24), nn.BatchNorm1d(24), nn.ReLU(), nn.Dropout(0.1), nn.Linear(24, 5)
    )
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    loss = classes(12, 5)

    def train(watch: Watch) -> None:
        with watch(model):
            for i in range(4):
                model.eval()
                with torch.no_grad():
                    loss(model, 50 + i)
                model.train()
                loss(model, i).backward()
                optimizer.step()
                optimizer.zero_grad()

    return Training(model, train, z={"0": "out 1"})
