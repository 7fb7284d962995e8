"""Compare your own networks in PyTorch: a small transformer with the normalization before each
branch (pre-norm) or after it (post-norm). Each function returns a module, a loss and an optimizer.

To do the same in a terminal, run

    gradgauge compare own_pytorch.py:make_pre_norm own_pytorch.py:make_post_norm \\
        --data own_pytorch.py:sequences --batch-size 32
"""

import os

import numpy as np
import torch
from torch import nn

import gradgauge as gg

TOKENS, LENGTH, WIDTH, BLOCKS = 8, 12, 32, 6


class Transformer(nn.Module):
    def __init__(self, norm_first: bool):
        super().__init__()
        self.embedding = nn.Embedding(TOKENS, WIDTH)
        self.place = nn.Parameter(torch.randn(LENGTH, WIDTH) / WIDTH**0.5)
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(
                WIDTH, 4, 2 * WIDTH, dropout=0.0, batch_first=True, norm_first=norm_first
            )
            for _ in range(BLOCKS)
        )
        self.head = nn.Linear(WIDTH, 2)

    def forward(self, tokens):
        stream = self.embedding(tokens) + self.place
        for block in self.blocks:
            stream = block(stream)
        return self.head(stream.mean(dim=1))


def make_pre_norm():
    model = Transformer(norm_first=True)
    return model, nn.CrossEntropyLoss(), torch.optim.AdamW(model.parameters(), 3e-3)


def make_post_norm():
    model = Transformer(norm_first=False)
    return model, nn.CrossEntropyLoss(), torch.optim.AdamW(model.parameters(), 3e-3)


def sequences(samples=4_000):
    """Sequences of tokens, and whether the first token occurs again."""
    tokens = np.random.default_rng(0).integers(0, TOKENS, (samples, LENGTH))
    return tokens, (tokens[:, 1:] == tokens[:, :1]).sum(axis=1) > 1


if __name__ == "__main__":
    short = os.environ.get("GRADGAUGE_EXAMPLES") == "short"
    x, y = sequences(500 if short else 4_000)
    result = gg.compare(
        make_pre_norm,
        make_post_norm,
        x=x,
        y=y.astype(int),
        epochs=1 if short else 5,
        batch_size=32,
        seeds=2,
    )
    gg.write_report(result, "transformers.html")
    for name in result.names:
        print(name, result.test_accuracy(name).mean, result.attenuation(name).decades)
