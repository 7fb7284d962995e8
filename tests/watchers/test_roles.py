"""Roles and blocks of layers, by the names that packages give."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import gradgauge as gg
from gradgauge.layers import LayerInfo
from gradgauge.run import RunGroup
from gradgauge.watchers.roles import block_of, role_of


@pytest.mark.parametrize(
    ("name", "kind", "role", "block"),
    [
        ("model.embed_tokens", "embedding", "embedding", ""),
        ("model.layers.3.self_attn.q_proj", "dense", "q", "model.layers.3"),
        ("model.layers.3.self_attn.o_proj", "dense", "o", "model.layers.3"),
        ("model.layers.11.mlp.gate_proj", "dense", "gate", "model.layers.11"),
        ("model.layers.11.mlp.down_proj", "dense", "down", "model.layers.11"),
        ("model.layers.0.input_layernorm", "normalization", "norm", "model.layers.0"),
        ("lm_head", "dense", "head", ""),
        ("transformer.h.0.attn.c_attn", "dense", "qkv", "transformer.h.0"),
        ("transformer.h.0.attn.c_proj", "dense", "o", "transformer.h.0"),
        ("transformer.h.0.mlp.c_proj", "dense", "down", "transformer.h.0"),
        ("transformer.h.0.mlp.c_fc", "dense", "up", "transformer.h.0"),
        ("bert.encoder.layer.2.attention.self.query", "dense", "q", "bert.encoder.layer.2"),
        ("bert.encoder.layer.2.attention.output.dense", "dense", "o", "bert.encoder.layer.2"),
        ("bert.encoder.layer.2.output.dense", "dense", "down", "bert.encoder.layer.2"),
        ("blocks.5.attn.qkv", "dense", "qkv", "blocks.5"),
        ("blocks.5.attn.proj", "dense", "o", "blocks.5"),
        ("blocks.5.mlp.fc1", "dense", "up", "blocks.5"),
        ("layer1.0.conv1", "convolution", "conv", "layer1"),
        ("block_4_expand", "convolution", "conv", "block_4"),
        ("encoder.layers.1.linear2", "dense", "down", "encoder.layers.1"),
        ("MultiHeadDotProductAttention_0.out", "dense", "o", ""),
        ("encoderblock_1.MlpBlock_0.Dense_0", "dense", "up", "encoderblock_1"),
        ("encoderblock_1.MlpBlock_0.Dense_1", "dense", "down", "encoderblock_1"),
        ("block_1/attention/attention_output", "dense", "o", "block_1"),
        ("transformer_layer_0/feedforward_output_dense", "dense", "down", "transformer_layer_0"),
        ("attn.query_proj", "dense", "q", ""),
        ("attn.output_proj", "dense", "o", ""),
        ("ff.wo", "dense", "down", ""),
        ("out", "dense", "", ""),
        ("0", "dense", "", ""),
        ("net.2", "dense", "", ""),
        ("dense_3", "dense", "", ""),
        ("cls", "other", "", ""),
        ("blocks.1.gate", "scale", "", "blocks.1"),
    ],
)
def test_names_of_packages(name, kind, role, block):
    assert role_of(LayerInfo(name, kind)) == role
    assert block_of(name) == block


def test_the_last_dense_layer_of_a_classifier_is_its_head():
    assert role_of(LayerInfo("net.4", "dense", output=True)) == "head"
    assert role_of(LayerInfo("net.4", "dense")) == ""
    assert role_of(LayerInfo("out", "dense", output=True)) == "head"


class Block(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.up_proj, self.down_proj = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)

    def forward(self, x):
        return x + self.down_proj(torch.relu(self.up_proj(self.norm(x))))


def test_a_watched_run_says_them_and_keeps_them(tmp_path):
    model = nn.Sequential(nn.Linear(4, 8), Block(8), Block(8), nn.Linear(8, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with gg.watch(model, every=1) as watcher:
        nn.functional.cross_entropy(model(torch.randn(6, 4)), torch.arange(6) % 3).backward()
        optimizer.step()
    run = gg.Run.load(watcher.run.save(tmp_path / "run.nc"))
    found = {layer.name: (layer.role, layer.block) for layer in run.layers}
    assert found["1.up_proj"] == ("up", "1")
    assert found["2.down_proj"] == ("down", "2")
    assert found["3"] == ("head", "")


def test_a_dense_networks_run_has_layers_from_its_notation():
    run = gg.Run({"notation": "12-8-6-3 tanh"}, RunGroup({}), {})
    assert [(r.name, r.units, r.fan_in, r.activation, r.output) for r in run.layers] == [
        ("1", 8, 12, "tanh", False),
        ("2", 6, 8, "tanh", False),
        ("3", 3, 6, "linear", True),
    ]
