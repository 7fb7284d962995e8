"""PyTorch networks that take turns, and more architectures of `transformers`."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from corpus.watch.case import Training, Watch, case
from corpus.watch.torch_plain import loop, mlp
from corpus.watch.torch_transformers import language, of_model


class Agent(nn.Module):
    """An actor, a critic, and slowly following copies of both."""

    def __init__(self) -> None:
        super().__init__()
        self.pi = nn.Sequential(*mlp(6, 16, 2), nn.Tanh())
        self.q = mlp(8, 16, 1)
        self.slow_pi, self.slow_q = (
            copy.deepcopy(net).requires_grad_(False) for net in (self.pi, self.q)
        )


@case("torch", fast=True)
def deterministic_policy_gradient() -> Training:
    model = Agent()
    moves_q = torch.optim.Adam(model.q.parameters(), 1e-3)
    moves_pi = torch.optim.Adam(model.pi.parameters(), 1e-3)

    def train(watch: Watch) -> None:
        with watch(model):
            for i in range(3):
                source = torch.Generator().manual_seed(600 + i)
                now, then = torch.randn(2, 16, 6, generator=source)
                action = torch.randn(16, 2, generator=source)
                with torch.no_grad():
                    wanted = 1 + 0.9 * model.slow_q(torch.cat([then, model.slow_pi(then)], 1))
                moves_q.zero_grad()
                (model.q(torch.cat([now, action], 1)) - wanted).square().mean().backward()
                moves_q.step()
                model.q.requires_grad_(False)
                moves_pi.zero_grad()
                (-model.q(torch.cat([now, model.pi(now)], 1)).mean()).backward()
                moves_pi.step()
                model.q.requires_grad_(True)
                with torch.no_grad():
                    for slow, net in ((model.slow_q, model.q), (model.slow_pi, model.pi)):
                        for old, new in zip(slow.parameters(), net.parameters(), strict=True):
                            old.lerp_(new, 0.1)

    return Training(model, train)


class Timed(nn.Module):
    """A convolution to which an embedded time is added at all positions, before the activation."""

    def __init__(self) -> None:
        super().__init__()
        self.features, self.time = nn.Conv1d(3, 8, 3, padding=1), nn.Linear(4, 8)
        self.last = nn.Conv1d(8, 3, 3, padding=1)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        mixed = self.features(x) + self.time(t)[..., None]
        return self.last(nn.functional.silu(mixed))


@case("torch", fast=True)
def time_added_at_all_positions() -> Training:
    model = Timed()

    def loss(model: nn.Module, i: int) -> Tensor:
        source = torch.Generator().manual_seed(700 + i)
        x, t = torch.randn(6, 3, 9, generator=source), torch.rand(6, 4, generator=source)
        return (model(x, t) - x).square().mean()

    return Training(model, loop(model, loss), summed=("features",))


def with_labels(key: str, shape: tuple[int, ...], words: int = 0) -> Callable[..., Tensor]:
    """Loss of a classifier of two samples; `words`: of tokens instead of numbers."""

    def loss(model: nn.Module, i: int) -> Tensor:
        source = torch.Generator().manual_seed(800 + i)
        x = torch.randn(2, *shape, generator=source)
        ids = torch.randint(3, words, (2, *shape), generator=source) if words else x
        return model(**{key: ids}, labels=torch.tensor([0, 2])).loss

    return loss


@case("torch", "transformers")
def swin_shifted_windows() -> Training:
    import transformers

    settings: dict[str, Any] = {
        "image_size": 16,
        "patch_size": 2,
        "embed_dim": 8,
        "depths": [2, 1],
        "num_heads": [2, 2],
        "window_size": 4,
        "num_labels": 3,
        "drop_path_rate": 0.2,
    }
    config = transformers.SwinConfig(**settings)
    model = transformers.SwinForImageClassification(config)
    return of_model(model, with_labels("pixel_values", (3, 16, 16)))


@case("torch", "transformers")
def deberta_disentangled() -> Training:
    settings = {
        "relative_attention": True,
        "pos_att_type": ["p2c", "c2p"],
        "max_position_embeddings": 16,
        "num_labels": 3,
    }
    loss = with_labels("input_ids", (8,), words=60)
    return language("DebertaV2 ForSequenceClassification", settings, loss=loss)


@case("torch", "transformers")
def qwen3_experts() -> Training:
    settings = {
        "moe_intermediate_size": 12,
        "num_key_value_heads": 1,
        "head_dim": 8,
        "num_experts": 4,
        "num_experts_per_tok": 2,
        "output_router_logits": True,
    }
    return language("Qwen3Moe", settings)


@case("torch", "transformers")
def falcon_parallel() -> Training:
    return language("Falcon", {"new_decoder_architecture": False, "parallel_attn": True})


@case("torch", "transformers")
def olmo2_norms_after() -> Training:
    return language("Olmo2")


@case("torch", "transformers")
def mamba2() -> Training:
    settings = {
        "state_size": 4,
        "num_heads": 4,
        "head_dim": 8,
        "n_groups": 1,
        "chunk_size": 4,
        "expand": 2,
    }
    return language("Mamba2", settings)
