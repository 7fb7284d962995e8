"""The part of the battery for `watch` that is fast and green; the rest: `python -m corpus watch`."""

from __future__ import annotations

import pytest
from corpus.watch.case import CASES
from corpus.watch.command import load, run

GREEN = (
    "torch-accelerate-accumulates",
    "torch-actor-and-critic",
    "torch-albert-shared",
    "torch-batch-norm-convolutions",
    "torch-bert-masked",
    "torch-bfloat16-weights",
    "torch-checkpointed",
    "torch-complex-layers",
    "torch-convnext",
    "torch-critic-five-times",
    "torch-encoder-post-norm",
    "torch-encoder-pre-norm",
    "torch-experts-in-one-tensor",
    "torch-float64-groups-and-schedule",
    "torch-frozen-body",
    "torch-gates-of-all-kinds",
    "torch-gpt-neox",
    "torch-gpt2",
    "torch-gradient-scaler",
    "torch-halves-frozen-in-turn",
    "torch-layer-called-twice",
    "torch-layer-scale-and-temperature",
    "torch-lightning-clips-and-accumulates",
    "torch-llama",
    "torch-looks-between-steps",
    "torch-loss-is-a-method",
    "torch-lstm-bidirectional",
    "torch-mlp-clip-accumulate",
    "torch-mlp-dropout-bf16",
    "torch-mlp-relu",
    "torch-opt",
    "torch-optimizer-swapped-midway",
    "torch-parallel-blocks",
    "torch-pre-norm-residual",
    "torch-pyramid-of-two-heads",
    "torch-resnet",
    "torch-sandwich-norms",
    "torch-scaled-accumulated-clipped",
    "torch-separable-squeeze-and-excitation",
    "torch-sparse-and-dense-optimizers",
    "torch-two-optimizers",
    "torch-two-optimizers-and-a-scaler",
    "torch-vit",
    "torch-wav2vec2",
    "torch-weight-norm-parametrized",
    "torch-weights-in-a-list",
)

load("torch")


@pytest.mark.parametrize("name", GREEN)
def test_a_watched_training_gives_our_own_figures_and_is_not_harmed(name):
    outcome = run(CASES[name])
    assert outcome.verdict == "ok", outcome
    assert outcome.figures > 40


def test_the_green_part_is_fast_and_needs_what_tests_have():
    assert all(CASES[name].fast for name in GREEN)
