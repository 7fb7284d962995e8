"""PyTorch trainings that combine what each of the others has alone."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize, rnn
from torch.utils.checkpoint import checkpoint

from corpus.watch.case import Training, Watch, case
from corpus.watch.torch_plain import classes, loop, mlp


class Adapted(nn.Module):
    """A frozen layer with a low-rank change beside it."""

    def __init__(self, base: nn.Linear, rank: int = 2):
        super().__init__()
        self.base = base.requires_grad_(False)
        self.a = nn.Linear(base.in_features, rank, bias=False)
        self.b = nn.Linear(rank, base.out_features, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.base(x) + 2.0 * self.b(self.a(x))


class Attention(nn.Module):
    """Causal attention with one head."""

    def __init__(self, width: int, adapted: bool = False):
        super().__init__()
        q, self.k, v, self.o = (nn.Linear(width, width) for _ in range(4))
        self.q, self.v = (Adapted(q), Adapted(v)) if adapted else (q, v)

    def forward(self, x: Tensor) -> Tensor:
        mixed = nn.functional.scaled_dot_product_attention(
            self.q(x)[:, None], self.k(x)[:, None], self.v(x)[:, None], is_causal=True
        )
        return self.o(mixed[:, 0])


class Block(nn.Module):
    """Attention and a feed-forward pair, norms first."""

    def __init__(self, width: int, adapted: bool = False, again: bool = False):
        super().__init__()
        self.again = again
        self.n1, self.n2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.mixing = Attention(width, adapted)
        self.up, self.down = nn.Linear(width, 3 * width), nn.Linear(3 * width, width)

    def inner(self, x: Tensor) -> Tensor:
        x = x + self.mixing(self.n1(x))
        return x + self.down(nn.functional.gelu(self.up(self.n2(x))))

    def forward(self, x: Tensor) -> Tensor:
        if self.again:
            return checkpoint(self.inner, x, use_reentrant=False)
        return self.inner(x)


class Language(nn.Module):
    """Words in, words out."""

    def __init__(self, blocks: list[nn.Module], width: int = 16, words: int = 30):
        super().__init__()
        self.words, self.blocks = nn.Embedding(words, width), nn.ModuleList(blocks)
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, words, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        h = self.words(x)
        for block in self.blocks:
            h = block(h)
        return self.head(self.norm(h))


def next_word(model: nn.Module, i: int) -> Tensor:
    source = torch.Generator().manual_seed(200 + i)
    x = torch.randint(0, 30, (4, 9), generator=source)
    return nn.functional.cross_entropy(model(x[:, :-1]).flatten(0, 1), x[:, 1:].flatten())


@case("torch")
def lora_pre_norm_checkpoint() -> Training:
    model = Language([Block(16, adapted=True, again=True) for _ in range(2)])
    trained = [p for p in model.parameters() if p.requires_grad]
    return Training(model, loop(model, next_word, torch.optim.AdamW(trained, 1e-2)))


@case("torch", fast=True)
def lora_pre_norm() -> Training:
    model = Language([Block(16, adapted=True) for _ in range(2)])
    trained = [p for p in model.parameters() if p.requires_grad]
    return Training(model, loop(model, next_word, torch.optim.AdamW(trained, 1e-2), clip=0.5))


@case("torch")
def tied_embeddings_two_optimizers() -> Training:
    model = Language([Block(16)])
    model.head.weight = model.words.weight
    matrices = [p for p in model.blocks.parameters() if p.ndim > 1]
    known = {id(p) for p in matrices}
    rest = [p for p in model.parameters() if id(p) not in known]
    both = [torch.optim.SGD(matrices, 0.05, momentum=0.9), torch.optim.AdamW(rest, 1e-2)]

    def train(watch: Watch) -> None:
        with watch(model):
            for i in range(3):
                next_word(model, i).backward()
                for optimizer in both:
                    optimizer.step()
                    optimizer.zero_grad()

    return Training(model, train)


class Experts(nn.Module):
    """The best of several experts, and one for all."""

    def __init__(self, width: int, count: int = 3):
        super().__init__()
        self.router, self.shares = nn.Linear(width, count, bias=False), nn.Softmax(-1)
        self.experts = nn.ModuleList(mlp(width, 2 * width, width) for _ in range(count))
        self.shared = mlp(width, 2 * width, width, activation=nn.SiLU)

    def forward(self, x: Tensor) -> Tensor:
        weights = self.shares(self.router(x))
        best, chosen = weights.max(-1)
        out = torch.zeros_like(x)
        for number, expert in enumerate(self.experts):
            rows = (chosen == number).nonzero(as_tuple=True)[0]
            if len(rows):
                out = out.index_add(0, rows, best[rows, None] * expert(x[rows]))
        return out + self.shared(x)


@case("torch", fast=True)
def experts_with_a_shared_one() -> Training:
    model = nn.Sequential(nn.Linear(12, 16), nn.Tanh(), Experts(16), nn.Linear(16, 5))
    return Training(model, loop(model, classes(12, 5, rows=48)), h={r"2\.router": "out 2.shares"})


class Skipping(nn.Module):
    """A U-Net of two levels."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 16, 3, 2, padding=1)
        self.up = nn.ConvTranspose2d(16, 8, 2, 2)
        self.c, self.out = nn.Conv2d(16, 8, 3, padding=1), nn.Conv2d(8, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        a = torch.relu(self.a(x))
        b = torch.relu(self.b(a))
        joined = torch.cat([a, self.up(b)], 1)
        return self.out(torch.relu(self.c(joined))).mean((2, 3))


def images(model: nn.Module, i: int) -> Tensor:
    source = torch.Generator().manual_seed(300 + i)
    x = torch.randn(6, 3, 8, 8, generator=source)
    return nn.functional.cross_entropy(model(x), torch.randint(0, 2, (6,), generator=source))


@case("torch")
def unet_concatenated_skips() -> Training:
    model = Skipping()
    return Training(model, loop(model, images))


@case("torch")
def weight_normed_convolutions() -> Training:
    def convolution(inputs: int) -> nn.Module:
        return parametrizations.weight_norm(nn.Conv2d(inputs, 8, 3, padding=1))

    model = nn.Sequential(
        convolution(3),
        nn.ELU(),
        convolution(8),
        nn.ELU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 2),
    )
    return Training(model, loop(model, images))


class Packed(nn.Module):
    """Sequences of several lengths through a GRU."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.cell = nn.Embedding(30, 8), nn.GRU(8, 12, batch_first=True)
        self.head = nn.Linear(12, 4)

    def forward(self, x: Tensor) -> Tensor:
        lengths = torch.tensor([7, 5, 4, 2])
        packed = rnn.pack_padded_sequence(self.words(x), lengths, batch_first=True)
        return self.head(self.cell(packed)[1][-1])


@case("torch")
def packed_sequences() -> Training:
    model = Packed()

    def loss(model: nn.Module, i: int) -> Tensor:
        source = torch.Generator().manual_seed(400 + i)
        x = torch.randint(0, 30, (4, 7), generator=source)
        return nn.functional.cross_entropy(model(x), torch.tensor([0, 1, 2, 3]))

    return Training(model, loop(model, loss))


class Student(nn.Module):
    """A student, and the mean of what it has been as its teacher."""

    def __init__(self) -> None:
        super().__init__()
        self.student, self.teacher = mlp(12, 24, 6), mlp(12, 24, 6).requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            for mean, now in zip(self.teacher.parameters(), self.student.parameters(), strict=True):
                mean.lerp_(now, 0.1)
            wanted = self.teacher(x + 0.1).softmax(-1)
        return -(wanted * self.student(x).log_softmax(-1)).sum(-1)


@case("torch")
def ema_teacher() -> Training:
    model = Student()

    def loss(model: nn.Module, i: int) -> Tensor:
        return model(torch.randn(16, 12, generator=torch.Generator().manual_seed(500 + i))).mean()

    return Training(model, loop(model, loss, torch.optim.AdamW(model.student.parameters(), 1e-2)))


@case("torch")
def scaled_half_precision() -> Training:
    model = mlp(12, 24, 24, 5, activation=nn.GELU)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    loss = classes(12, 5)

    def train(watch: Watch) -> None:
        with watch(model):
            for i in range(3):
                with torch.autocast("cpu", torch.bfloat16):
                    value = loss(model, i)
                scaler.scale(value).backward()
                scaler.unscale_(optimizer)
                nn.utils.clip_grad_norm_(model.parameters(), 0.2)
                scaler.step(optimizer)
                scaler.update()
                optimizer.zero_grad()

    return Training(model, train)


@case("torch")
def called_functionally() -> Training:
    model = mlp(12, 24, 5, activation=nn.Tanh)
    loss = classes(12, 5)

    class Called(nn.Module):
        def forward(self, x: Tensor) -> Any:
            return torch.func.functional_call(model, dict(model.named_parameters()), (x,))

    return Training(model, loop(model, lambda _, i: loss(Called(), i)))


class Symmetric(nn.Module):
    """A matrix from its upper half."""

    def forward(self, x: Tensor) -> Tensor:
        return x.triu() + x.triu(1).transpose(-1, -2)


@case("torch", fast=True)
def parametrized_symmetric() -> Training:
    model = mlp(12, 12, 12, 5, activation=nn.Tanh)
    for at in (0, 2):
        parametrize.register_parametrization(model[at], "weight", Symmetric())
    return Training(model, loop(model, classes(12, 5)))
