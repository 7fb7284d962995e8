"""Models of `transformers`, built from small configurations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from corpus.watch._case import Training, case
from corpus.watch.torch_plain import loop

WORDS = 64


def tokens(rows: int = 3, length: int = 10, **more: Any) -> Callable[[nn.Module, int], Tensor]:
    """Loss of a language model on random tokens."""

    def loss(model: nn.Module, i: int) -> Tensor:
        source = torch.Generator().manual_seed(100 + i)
        ids = torch.randint(3, WORDS, (rows, length), generator=source)
        return model(input_ids=ids, labels=ids, **more).loss

    return loss


@case("torch", "transformers", fast=True)
def gpt2() -> Training:
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(
        vocab_size=WORDS, n_positions=16, n_embd=16, n_layer=2, n_head=2, use_cache=False
    )
    model = GPT2LMHeadModel(config)
    return Training(
        model,
        loop(model, tokens(), clip=1.0),
        h={r"(.*mlp)\.c_fc": r"out \1.act"},
        activations={r".*mlp\.c_fc": ("gelu_tanh", "gelu_new")},
    )


@case("torch", "transformers", fast=True)
def llama() -> Training:
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=WORDS,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        use_cache=False,
    )
    model = LlamaForCausalLM(config)
    return Training(model, loop(model, tokens(), clip=1.0))
