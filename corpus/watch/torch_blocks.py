"""PyTorch blocks as they are built beside the common ones."""

from __future__ import annotations

import itertools
import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, scaled_dot_product_attention, silu

from corpus.watch.case import Training, case
from corpus.watch.torch_combined import Language, images, next_word
from corpus.watch.torch_plain import classes, loop, mlp


class Heads(nn.Module):
    """Causal attention of several heads, one matrix for query, key and value."""

    def __init__(self, width: int, heads: int = 2):
        super().__init__()
        self.heads = heads
        self.into, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (
            t.unflatten(-1, (self.heads, -1)).transpose(1, 2) for t in self.into(x).chunk(3, -1)
        )
        mixed = scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out(mixed.transpose(1, 2).flatten(2))


class Parallel(nn.Module):
    """Attention and feed-forward layers side by side behind one norm, as in GPT-J and PaLM."""

    def __init__(self, width: int = 16):
        super().__init__()
        self.norm, self.attention = nn.LayerNorm(width), Heads(width)
        self.up, self.down = nn.Linear(width, 3 * width), nn.Linear(3 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        h = self.norm(x)
        return x + self.attention(h) + self.down(gelu(self.up(h)))


@case("torch", fast=True)
def parallel_blocks() -> Training:
    model = Language([Parallel(), Parallel()])
    above = {
        r"(blocks\.\d)\.norm": r"\1.attention.into \1.up",
        r"(blocks\.\d)\.up": r"\1.down",
        r"blocks\.0\.(down|attention\.out)": "blocks.1.norm",
        "words": "blocks.0.norm",
    }
    return Training(model, loop(model, next_word, clip=1.0), above=above)


class Root(nn.Module):
    """A root-mean-square norm that is written out, its scale counted from 0."""

    def __init__(self, width: int):
        super().__init__()
        self.weight = nn.Parameter(0.1 * torch.randn(width))

    def forward(self, x: Tensor) -> Tensor:
        x32 = x.float()
        x32 = x32 * torch.rsqrt(x32.pow(2).mean(-1, keepdim=True) + 1e-6)
        return (x32 * (1.0 + self.weight.float())).type_as(x)


class Sandwich(nn.Module):
    """Norms before and behind each part, as in Gemma 2, and a gated feed-forward part."""

    def __init__(self, width: int = 16):
        super().__init__()
        self.n1, self.n2, self.n3, self.n4 = (Root(width) for _ in range(4))
        self.attention = Heads(width)
        self.wide, self.down = nn.Linear(width, 4 * width), nn.Linear(2 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.n2(self.attention(self.n1(x)))
        a, b = self.wide(self.n3(x)).chunk(2, -1)
        return x + self.n4(self.down(gelu(a, approximate="tanh") * b))


@case("torch", fast=True)
def sandwich_norms() -> Training:
    model = Language([Sandwich(), Sandwich()])
    return Training(
        model,
        loop(model, next_word),
        h={r"(.*)wide": r"in \1down"},
        activations={r".*wide": ("",)},
    )


class Deep(nn.Module):
    """Post norm with a scaled residual, as in DeepNorm."""

    def __init__(self, width: int = 16, alpha: float = 1.7):
        super().__init__()
        self.alpha = alpha
        self.attention, self.n1, self.n2 = Heads(width), nn.LayerNorm(width), nn.LayerNorm(width)
        self.up, self.down = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        x = self.n1(self.alpha * x + self.attention(x))
        return self.n2(self.alpha * x + self.down(torch.relu(self.up(x))))


@case("torch", fast=True)
def deep_post_norm() -> Training:
    model = Language([Deep(), Deep()])
    return Training(model, loop(model, next_word, accumulate=2))


class TopTwo(nn.Module):
    """The two best of four experts, whose weights lie in two tensors."""

    def __init__(self, width: int = 16, experts: int = 4):
        super().__init__()
        self.router = nn.Linear(width, experts, bias=False)
        self.up = nn.Parameter(torch.randn(experts, width, 2 * width) / 4)
        self.down = nn.Parameter(torch.randn(experts, 2 * width, width) / 6)

    def forward(self, x: Tensor) -> Tensor:
        best, chosen = self.router(x).softmax(-1).topk(2, -1)
        gates = torch.zeros(*x.shape[:-1], len(self.up)).scatter(-1, chosen, best)
        inner = silu(torch.einsum("bd,edh->ebh", x, self.up))
        return torch.einsum("be,ebh,ehd->bd", gates, inner, self.down)


@case("torch", fast=True)
def experts_in_one_tensor() -> Training:
    model = nn.Sequential(
        nn.Linear(12, 16), nn.Tanh(), TopTwo(), nn.LayerNorm(16), nn.Linear(16, 5)
    )
    return Training(
        model, loop(model, classes(12, 5, rows=32)), summed=("2", r"2\.router"), z={"2": "out 2"}
    )


@case("torch", fast=True)
def spectral_normed_discriminator() -> Training:
    wrap = nn.utils.parametrizations.spectral_norm
    model = nn.Sequential(
        wrap(nn.Conv2d(3, 8, 3, 2, 1)),
        nn.LeakyReLU(0.2),
        wrap(nn.Conv2d(8, 8, 3, 2, 1, groups=8)),
        nn.LeakyReLU(0.2),
        nn.Flatten(),
        nn.Linear(32, 2),
    )
    return Training(model, loop(model, images))


class Separable(nn.Module):
    """Depthwise and pointwise convolutions, squeeze and excitation, a layer scale."""

    def __init__(self, width: int = 8):
        super().__init__()
        self.depth, self.norm = (
            nn.Conv2d(width, width, 3, 1, 1, groups=width),
            nn.GroupNorm(2, width),
        )
        self.squeeze, self.excite = nn.Conv2d(width, 4, 1), nn.Conv2d(4, width, 1)
        self.up, self.down = nn.Conv2d(width, 3 * width, 1), nn.Conv2d(3 * width, width, 1)
        self.gamma = nn.Parameter(torch.full((width, 1, 1), 0.1))

    def forward(self, x: Tensor) -> Tensor:
        h = self.norm(self.depth(x))
        h = self.down(nn.functional.hardswish(self.up(h)))
        h = h * torch.sigmoid(self.excite(torch.relu(self.squeeze(h.mean((2, 3), keepdim=True)))))
        return x + self.gamma * h


@case("torch", fast=True)
def separable_squeeze_and_excitation() -> Training:
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3),
        Separable(),
        Separable(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 2),
    )
    return Training(model, loop(model, images))


class Tagger(nn.Module):
    """Two bidirectional recurrent layers and a cell of one step, over embedded words."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(30, 8, padding_idx=0)
        self.gru = nn.GRU(8, 6, 2, batch_first=True, bidirectional=True, dropout=0.1)
        self.cell, self.head = nn.LSTMCell(12, 10), nn.Linear(10, 30)

    def forward(self, x: Tensor) -> Tensor:
        out, _ = self.gru(self.words(x))
        state, found = None, []
        for step in out.unbind(1):
            state = self.cell(step, state)
            found.append(state[0])
        return self.head(torch.stack(found, 1))


@case("torch", fast=True)
def recurrent_cells() -> Training:
    model = Tagger()
    return Training(model, loop(model, next_word, clip=0.5))


class Gated(nn.Module):
    """Four ways of gating."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Linear(12, 16)
        self.a, self.b, self.c, self.d = (nn.Linear(16, 32) for _ in range(4))
        self.gate, self.value, self.head = nn.Linear(16, 16), nn.Linear(16, 16), nn.Linear(16, 5)
        self.glu = nn.GLU()

    def forward(self, x: Tensor) -> Tensor:
        x = torch.tanh(self.stem(x))
        x = x + self.glu(self.a(x))
        u, v = self.b(x).chunk(2, -1)
        x = x + gelu(u) * v
        u, v = self.c(x).split(16, -1)
        x = x + u * v
        t = self.d(x)
        x = x + torch.relu(t[..., 1::2]) * t[..., ::2]
        return self.head(x + torch.sigmoid(self.gate(x)) * self.value(x))


@case("torch", fast=True)
def gates_of_all_kinds() -> Training:
    model = Gated()
    return Training(model, loop(model, classes(12, 5)), summed=("a", "b", "c", "d"))


class Pyramid(nn.Module):
    """A U-Net with transposed convolutions, sums and concatenations, and two heads."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 12, 3, 2, 1, bias=False)
        self.norm, self.c = nn.InstanceNorm2d(12, affine=True), nn.Conv2d(12, 16, 3, 2, 1)
        self.u1, self.u2 = nn.ConvTranspose2d(16, 12, 2, 2), nn.ConvTranspose2d(24, 8, 4, 2, 1)
        self.near, self.far = nn.Conv2d(8, 2, 1), nn.Conv2d(16, 2, 1)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        a = nn.functional.elu(self.a(x))
        b = nn.functional.leaky_relu(self.norm(self.b(a)), 0.1)
        c = nn.functional.mish(self.c(b))
        up = torch.cat([b, torch.relu(self.u1(c))], 1)
        return {"near": self.near(a + torch.relu(self.u2(up))), "far": self.far(c)}


@case("torch", fast=True)
def pyramid_of_two_heads() -> Training:
    model = Pyramid()

    def loss(model: nn.Module, i: int) -> Tensor:
        class Near(nn.Module):
            def forward(self, x: Tensor) -> Tensor:
                out = model(x)
                return out["near"].mean((2, 3)) + 0.3 * out["far"].mean((2, 3))

        return images(Near(), i)

    above = {"a": "b", "b": "c", "c": "u1 far", "u1": "u2", "u2": "near"}
    return Training(model, loop(model, loss), z={"b": "out norm"}, above=above)


class Twins(nn.Module):
    """One tower for both sides, and a contrastive loss with a learned temperature."""

    def __init__(self) -> None:
        super().__init__()
        self.tower = mlp(12, 20, 16, 8, activation=nn.SiLU)
        self.other = mlp(6, 20, 8, activation=nn.Tanh)
        self.scale = nn.Parameter(torch.tensor(2.0))

    def forward(self, a: Tensor, b: Tensor, c: Tensor) -> Tensor:
        a, b, c = (
            nn.functional.normalize(t, dim=-1)
            for t in (self.tower(a), self.tower(b), self.other(c))
        )
        return (a @ b.T + a @ c.T) * self.scale.exp()


@case("torch", fast=True)
def twin_towers() -> Training:
    model = Twins()

    def loss(model: nn.Module, i: int) -> Tensor:
        source = torch.Generator().manual_seed(700 + i)
        a, b = (torch.randn(16, 12, generator=source) for _ in range(2))
        logits = model(a, b, torch.randn(16, 6, generator=source))
        return nn.functional.cross_entropy(logits, torch.arange(16))

    above = {r"tower\.0": "tower.2", r"other\.0": "other.2"}
    return Training(model, loop(model, loss), above=above, summed=("tower.4", "other.2"))


class Written(nn.Module):
    """All weights are parameters of one module, and its layers are written out."""

    def __init__(self) -> None:
        super().__init__()
        sizes = (12, 20, 20, 5)
        self.weights = nn.ParameterList(
            nn.Parameter(torch.randn(a, b) / math.sqrt(a)) for a, b in itertools.pairwise(sizes)
        )
        self.offsets = nn.ParameterDict(
            {f"shift{i}": torch.zeros(n) for i, n in enumerate(sizes[1:])}
        )
        self.token = nn.Parameter(torch.randn(1, 1, 20))

    def forward(self, x: Tensor) -> Tensor:
        for i, weight in enumerate(self.weights):
            x = x @ weight + self.offsets[f"shift{i}"]
            x = torch.tanh(x) + self.token[0] if i < 2 else x
        return x


@case("torch", fast=True)
def weights_in_a_list() -> Training:
    model = Written()
    return Training(model, loop(model, classes(12, 5)))


class Waves(nn.Module):
    """A learned filter over frequencies, complex layers, and a state space."""

    def __init__(self, width: int = 16):
        super().__init__()
        self.stem, self.head = nn.Linear(12, width), nn.Linear(width, 5)
        self.filter = nn.Parameter(torch.randn(width // 2 + 1, dtype=torch.cfloat))
        self.mixing = nn.Linear(width // 2 + 1, width // 2 + 1, dtype=torch.cfloat)
        self.decay, self.skip = nn.Parameter(torch.randn(4, 3)), nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.stem(x))
        waves = torch.fft.rfft(x) * self.filter
        x = x * self.skip + torch.fft.irfft(self.mixing(waves), n=x.shape[-1])
        return self.head(x * torch.exp(-self.decay.exp()).mean())


@case("torch", fast=True)
def complex_layers() -> Training:
    model = Waves()
    return Training(model, loop(model, classes(12, 5)), summed=("mixing",))


class Swish(torch.autograd.Function):
    """x sigmoid(x), which keeps its input alone."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x * torch.sigmoid(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        s = torch.sigmoid(x)
        return gradient * s * (1 + x * (1 - s))


class Own(nn.Module):
    """An activation of its own, a square of a ReLU, and one with a learned slope."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c, self.d = (nn.Linear(12, 12) for _ in range(4))
        self.head, self.beta = nn.Linear(12, 5), nn.Parameter(torch.ones(12))

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.b(Swish.apply(self.a(x)))) ** 2
        x = self.c(x)
        x = x * torch.sigmoid(self.beta * x)
        x = self.d(x)
        return self.head(x + torch.sin(x) ** 2)


@case("torch", fast=True)
def activations_of_ones_own() -> Training:
    model = Own()
    known = {"a": ("silu",), "b": ("relu2",), "c": ("", "silu"), "d": ("",)}
    return Training(
        model, loop(model, classes(12, 5)), activations=known, summed=("c", "d", "b", "a")
    )
