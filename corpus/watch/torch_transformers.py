"""Models of `transformers`, built from small configurations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from corpus.watch.case import Training, case
from corpus.watch.torch_plain import loop

WORDS = 64


def tokens(rows: int = 3, length: int = 10, **more: Any) -> Callable[[nn.Module, int], Tensor]:
    """Loss of a language model on random tokens."""

    def loss(model: nn.Module, i: int) -> Tensor:
        source = torch.Generator().manual_seed(100 + i)
        ids = torch.randint(3, WORDS, (rows, length), generator=source)
        return model(input_ids=ids, labels=ids, **more).loss

    return loss


SMALL = {
    "vocab_size": WORDS,
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
"""What most configurations call their sizes."""


def language(kind: str, settings: dict[str, Any] | None = None, **o: Any) -> Training:
    """A causal (or other) language model by the names of its configuration and class."""
    import transformers

    transformers.logging.set_verbosity_error()
    config_name, _, head = kind.partition(" ")
    config = getattr(transformers, f"{config_name}Config")(**(SMALL | (settings or {})))
    model = getattr(transformers, f"{config_name}{head or 'ForCausalLM'}")(config)
    return of_model(model, **o)


def of_model(model: nn.Module, loss: Any = None, layers: Any = None, **o: Any) -> Training:
    """A short training of a model; `layers`: what `Training` takes."""
    return Training(model, loop(model, loss or tokens(), **({"clip": 1.0} | o)), **(layers or {}))


GPT2 = {"vocab_size": WORDS, "n_positions": 16, "n_embd": 16, "n_layer": 2, "n_head": 2}
NEW_GELU = {
    "h": {r"(.*mlp)\.c_fc": r"out \1.act"},
    "activations": {r".*mlp\.c_fc": ("gelu_tanh", "gelu_new")},
}


@case("torch", "transformers", fast=True)
def gpt2() -> Training:
    return language("GPT2 LMHeadModel", GPT2 | {"use_cache": False}, layers=NEW_GELU)


@case("torch", "transformers")
def gpt2_accumulate_bf16_checkpoint() -> Training:
    training = language(
        "GPT2 LMHeadModel",
        GPT2 | {"use_cache": False},
        layers=NEW_GELU,
        accumulate=2,
        autocast=torch.bfloat16,
    )
    training.model.gradient_checkpointing_enable()
    training.model.train()
    return training


@case("torch", "transformers", fast=True)
def llama() -> Training:
    return language("Llama", {"num_key_value_heads": 1, "use_cache": False})


@case("torch", "transformers")
def llama_tied_bf16() -> Training:
    training = language("Llama", {"use_cache": False, "tie_word_embeddings": True})
    training.model.to(torch.bfloat16)
    return training


@case("torch", "transformers")
def mixtral() -> Training:
    return language("Mixtral", {"num_local_experts": 3, "num_key_value_heads": 2})


GATE = {"activations": {r".*gate_proj": ("gelu_tanh", "gelu_pytorch_tanh")}}


@case("torch", "transformers")
def gemma2() -> Training:
    return language("Gemma2", {"head_dim": 8, "num_key_value_heads": 1}, layers=GATE)


@case("torch", "transformers")
def gemma() -> Training:
    return language("Gemma", {"head_dim": 8, "num_key_value_heads": 1}, layers=GATE)


@case("torch", "transformers")
def qwen2() -> Training:
    return language("Qwen2", {"num_key_value_heads": 1})


@case("torch", "transformers")
def phi() -> Training:
    fc1 = {
        "h": {r"(.*mlp)\.fc1": r"out \1.activation_fn"},
        "activations": {r".*fc1": ("gelu_tanh", "gelu_new")},
    }
    return language("Phi", layers=fc1)


@case("torch", "transformers", fast=True)
def gpt_neox() -> Training:
    return language("GPTNeoX")


@case("torch", "transformers", fast=True)
def opt() -> Training:
    return language(
        "OPT", {"ffn_dim": 32, "word_embed_proj_dim": 16, "max_position_embeddings": 16}
    )


@case("torch", "transformers")
def bloom() -> Training:
    return language(
        "Bloom",
        {"n_layer": 2, "n_head": 2},
        layers={
            "h": {r"(.*mlp)\.dense_h_to_4h": r"out \1.gelu_impl"},
            "activations": {r".*dense_h_to_4h": ("gelu_tanh", "gelu_new")},
        },
    )


@case("torch", "transformers")
def mamba() -> Training:
    return language("Mamba", {"state_size": 4, "time_step_rank": 2, "use_cache": False})


@case("torch", "transformers", fast=True)
def bert_masked() -> Training:
    return language("Bert ForMaskedLM", {"max_position_embeddings": 16})


@case("torch", "transformers")
def roberta() -> Training:
    return language("Roberta ForMaskedLM", {"max_position_embeddings": 16})


@case("torch", "transformers")
def distilbert() -> Training:
    sizes = {"dim": 16, "hidden_dim": 32, "n_layers": 2, "n_heads": 2}
    ours = {"max_position_embeddings": 16, **sizes}
    return language("DistilBert ForMaskedLM", ours)


@case("torch", "transformers", fast=True)
def albert_shared() -> Training:
    return language(
        "Albert ForMaskedLM",
        {"embedding_size": 8, "max_position_embeddings": 16},
        layers={
            "h": {
                r"(.*albert_layers\.\d+)\.ffn": r"out \1.activation",
                r"(predictions)\.dense": r"out \1.activation",
            },
            "activations": {r".*(ffn|predictions\.dense)": ("gelu_tanh", "gelu_new")},
        },
    )


@case("torch", "transformers")
def electra_classifies() -> Training:
    def loss(model: nn.Module, i: int) -> Tensor:
        source = torch.Generator().manual_seed(100 + i)
        ids = torch.randint(3, WORDS, (4, 10), generator=source)
        return model(input_ids=ids, labels=torch.tensor([0, 1, 1, 0])).loss

    ours = {"embedding_size": 8, "max_position_embeddings": 16}
    return language("Electra ForSequenceClassification", ours, loss=loss)


T5 = {"d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 2, "num_heads": 2}


@case("torch", "transformers")
def t5() -> Training:
    return language("T5 ForConditionalGeneration", T5 | {"decoder_start_token_id": 0})


@case("torch", "transformers")
def bart() -> Training:
    sizes = {
        f"{part}_{what}": n
        for part in ("encoder", "decoder")
        for what, n in (("layers", 2), ("attention_heads", 2), ("ffn_dim", 32))
    }
    ours = {"d_model": 16, "max_position_embeddings": 16, "decoder_start_token_id": 2, **sizes}
    return language("Bart ForConditionalGeneration", ours)


def pictures(size: int, channels: int = 3, labels: int = 3) -> Any:
    """Loss of a classifier of random pictures."""

    def loss(model: nn.Module, i: int) -> Tensor:
        source = torch.Generator().manual_seed(100 + i)
        x = torch.randn(4, channels, size, size, generator=source)
        return model(pixel_values=x, labels=torch.arange(4) % labels).loss

    return loss


@case("torch", "transformers", fast=True)
def vit() -> Training:
    ours = {"image_size": 16, "patch_size": 8, "num_labels": 3}
    return language("ViT ForImageClassification", ours, loss=pictures(16))


RESIDUAL = {
    "z": {
        r"(.*)\.layer\.1\.convolution": r"in \1.activation",
        r"(.*)\.convolution": r"out \1.normalization",
    },
    "h": {r"(.*)\.layer\.1\.convolution": r"out \1.activation"},
    "norms": {r"(.*\.layer\.1)\.convolution": r"\1.normalization"},
}


@case("torch", "transformers", fast=True)
def resnet() -> Training:
    ours = {
        "embedding_size": 8,
        "hidden_sizes": [8],
        "depths": [2],
        "layer_type": "basic",
        "num_labels": 3,
    }
    return language("ResNet ForImageClassification", ours, loss=pictures(32), layers=RESIDUAL)


@case("torch", "transformers", fast=True)
def convnext() -> Training:
    ours = {"hidden_sizes": [8, 16], "depths": [1, 1], "num_stages": 2, "num_labels": 3}
    return language("ConvNext ForImageClassification", ours, loss=pictures(32))


QUICK = {
    "h": {r"(.*mlp)\.fc1": r"out \1.activation_fn"},
    "activations": {r".*fc1": ("quick_gelu",)},
}


@case("torch", "transformers")
def clip() -> Training:
    import transformers

    text = SMALL | {"max_position_embeddings": 16, "projection_dim": 8}
    sight = {k: v for k, v in text.items() if "token" not in k and k != "vocab_size"}
    config = transformers.CLIPConfig(
        text_config=text,
        vision_config=sight | {"image_size": 16, "patch_size": 8},
        projection_dim=8,
    )

    def loss(model: nn.Module, i: int) -> Tensor:
        source = torch.Generator().manual_seed(100 + i)
        ids = torch.randint(3, WORDS, (4, 8), generator=source)
        x = torch.randn(4, 3, 16, 16, generator=source)
        return model(input_ids=ids, pixel_values=x, return_loss=True).loss

    return of_model(transformers.CLIPModel(config), loss=loss, layers=QUICK)


@case("torch", "transformers")
def whisper() -> Training:
    sizes = {
        f"{part}_{what}": n
        for part in ("encoder", "decoder")
        for what, n in (("layers", 1), ("attention_heads", 2), ("ffn_dim", 32))
    }
    ours = {
        "d_model": 16,
        "num_mel_bins": 8,
        "max_source_positions": 10,
        "max_target_positions": 16,
        "decoder_start_token_id": 1,
        **sizes,
    }

    def loss(model: nn.Module, i: int) -> Tensor:
        source = torch.Generator().manual_seed(100 + i)
        sound = torch.randn(2, 8, 20, generator=source)
        ids = torch.randint(3, WORDS, (2, 6), generator=source)
        return model(input_features=sound, labels=ids).loss

    return language("Whisper ForConditionalGeneration", ours, loss=loss)


@case("torch", "transformers", fast=True)
def wav2vec2() -> Training:
    ours = {
        "conv_dim": (8, 8),
        "conv_stride": (4, 2),
        "conv_kernel": (8, 3),
        "num_feat_extract_layers": 2,
        "num_conv_pos_embeddings": 4,
        "num_conv_pos_embedding_groups": 2,
        "classifier_proj_size": 8,
        "num_labels": 3,
        "mask_time_length": 2,
    }

    def loss(model: nn.Module, i: int) -> Tensor:
        sound = torch.randn(2, 800, generator=torch.Generator().manual_seed(100 + i))
        return model(input_values=sound, labels=torch.tensor([0, 2])).loss

    normed = {
        "z": {
            r"(.*conv_layers\.0)\.conv": r"out \1.layer_norm",
            r"(.*pos_conv_embed)\.conv": r"out \1.padding",
        },
        "h": {r"(.*pos_conv_embed)\.conv": r"out \1.activation"},
    }
    return language("Wav2Vec2 ForSequenceClassification", ours, loss=loss, layers=normed)
