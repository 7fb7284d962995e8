"""The models used to time watching: small, medium and large ones in PyTorch and Keras."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def torch_models() -> dict[str, Callable[[], tuple[Any, Any, Any]]]:
    """Training -> (model, x, y)."""
    import torch
    from torch import nn

    def mlp() -> tuple[Any, Any, Any]:
        widths = [(64, 64), *[(64, 64)] * 3, (64, 10)]
        parts = [part for shape in widths for part in (nn.Linear(*shape), nn.ReLU())]
        return nn.Sequential(*parts[:-1]), torch.randn(128, 64), torch.randint(0, 10, (128,))

    def convnet() -> tuple[Any, Any, Any]:
        model = nn.Sequential(
            nn.Conv2d(3, 16, 3, padding=1),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(32 * 64, 10),
        )
        return model, torch.randn(32, 3, 32, 32), torch.randint(0, 10, (32,))

    def transformer() -> tuple[Any, Any, Any]:
        layer = nn.TransformerEncoderLayer(64, 4, 128, batch_first=True)
        encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        model = nn.Sequential(nn.Embedding(100, 64), encoder, nn.Linear(64, 100))
        ids = torch.randint(0, 100, (16, 32))
        return model, ids, ids

    def gpt2() -> tuple[Any, Any, Any]:
        """12 layers before whose parts the norms stand, as in GPT-2, with a narrower stream."""
        layer = nn.TransformerEncoderLayer(
            192, 6, 768, 0.0, "gelu", batch_first=True, norm_first=True
        )
        stack = nn.TransformerEncoder(layer, 12, nn.LayerNorm(192), enable_nested_tensor=False)
        ids = torch.randint(0, 1_000, (4, 64))
        return nn.Sequential(nn.Embedding(1_000, 192), stack, nn.Linear(192, 1_000)), ids, ids

    return {
        "mlp": mlp,
        "convnet": convnet,
        "transformer": transformer,
        "resnet50": _resnet50,
        "gpt2": gpt2,
    }


def _resnet50() -> tuple[Any, Any, Any]:
    """The layers of ResNet-50, on small pictures."""
    import torch
    from torch import nn

    class Bottleneck(nn.Module):
        def __init__(self, inputs: int, width: int, stride: int):
            super().__init__()
            shapes = [
                (inputs, width, 1, 1),
                (width, width, 3, stride),
                (width, 4 * width, 1, 1),
            ]
            self.convs = nn.ModuleList(
                nn.Conv2d(a, b, k, s, k // 2, bias=False) for a, b, k, s in shapes
            )
            self.norms = nn.ModuleList(nn.BatchNorm2d(b) for _, b, _, _ in shapes)
            same = inputs == 4 * width and stride == 1
            self.skip = nn.Identity() if same else nn.Conv2d(inputs, 4 * width, 1, stride)

        def forward(self, x: Any) -> Any:
            h = torch.relu(self.norms[0](self.convs[0](x)))
            h = torch.relu(self.norms[1](self.convs[1](h)))
            return torch.relu(self.norms[2](self.convs[2](h)) + self.skip(x))

    blocks, inputs = [], 64
    for width, count, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
        for index in range(count):
            blocks.append(Bottleneck(inputs, width, stride if index == 0 else 1))
            inputs = 4 * width
    stem = [nn.Conv2d(3, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64), nn.ReLU()]
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, 10)]
    x = torch.randn(8, 3, 32, 32)
    return nn.Sequential(*stem, *blocks, *head), x, torch.randint(0, 10, (8,))


def keras_models() -> dict[str, Callable[[], tuple[Any, Any, Any]]]:
    """Training -> (model, x, y), a batch each."""
    import keras
    import numpy as np

    layers = keras.layers
    rng = np.random.default_rng(0)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def compiled(model: Any, x: Any, y: Any) -> tuple[Any, Any, Any]:
        model.compile("adam", loss)
        return model, x, y

    def mlp() -> tuple[Any, Any, Any]:
        hidden = [layers.Dense(64, activation="relu") for _ in range(4)]
        model = keras.Sequential([keras.Input((64,)), *hidden, layers.Dense(10)])
        x = rng.normal(size=(128, 64)).astype("float32")
        return compiled(model, x, rng.integers(0, 10, 128))

    def convnet() -> tuple[Any, Any, Any]:
        blocks = [
            part
            for width in (16, 32)
            for part in (
                layers.Conv2D(width, 3, padding="same"),
                layers.BatchNormalization(),
                layers.ReLU(),
                layers.MaxPooling2D(),
            )
        ]
        head = [layers.Flatten(), layers.Dense(10)]
        model = keras.Sequential([keras.Input((32, 32, 3)), *blocks, *head])
        x = rng.normal(size=(32, 32, 32, 3)).astype("float32")
        return compiled(model, x, rng.integers(0, 10, 32))

    def transformer() -> tuple[Any, Any, Any]:
        ids = keras.Input((32,), dtype="int32")
        x = layers.Embedding(100, 64)(ids)
        for _ in range(2):
            x = layers.LayerNormalization()(x + layers.MultiHeadAttention(4, 16)(x, x))
            h = layers.Dense(64)(layers.Dense(128, activation="relu")(x))
            x = layers.LayerNormalization()(x + h)
        model = keras.Model(ids, layers.Dense(100)(x))
        tokens = rng.integers(0, 100, (16, 32))
        return compiled(model, tokens, tokens)

    return {"mlp": mlp, "convnet": convnet, "transformer": transformer}
