"""Overhead of watching on the card: a ResNet-50 and a transformer the size of GPT-2, in bfloat16.

Both are run eagerly and compiled. Blocks of plain and watched steps take turns. The overhead is the
median of (watched / plain of the same round - 1), with the device synchronized before every timing.
"""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Callable
from typing import Any

from benchmarks.gpu.common import card, is_small, torch_device

ROUNDS, BLOCK, WARM_UP = 5, 30, 5

Made = tuple[Any, Any, Any]


def transformer(small: bool, device: str) -> Made:
    """A causal transformer: 12 layers of 768 as GPT-2's smallest, or a tiny one."""
    import torch
    from torch import nn

    width, heads, layers, words, length, batch = (
        (16, 2, 1, 50, 8, 2) if small else (768, 12, 12, 50_257, 512, 8)
    )
    layer = nn.TransformerEncoderLayer(
        width, heads, 4 * width, 0.0, "gelu", batch_first=True, norm_first=True
    )
    stack = nn.TransformerEncoder(layer, layers, nn.LayerNorm(width), enable_nested_tensor=False)
    model = nn.Sequential(nn.Embedding(words, width), stack, nn.Linear(width, words, bias=False))
    ids = torch.randint(0, words, (batch, length), device=device)
    return model.to(device), ids, ids


def resnet(small: bool, device: str) -> Made:
    """The layers of ResNet-50 (`benchmarks/watched_models.py`), on pictures of 64 x 64, or a stem."""
    import torch
    from torch import nn

    if small:
        body = [nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(1)]
        model: Any = nn.Sequential(*body, nn.Flatten(), nn.Linear(4, 10))
    else:
        from benchmarks.watched_models import torch_models

        model = torch_models()["resnet50"]()[0]
    count, side = (2, 8) if small else (64, 64)
    x = torch.randn(count, 3, side, side, device=device)
    return model.to(device), x, torch.randint(0, 10, (count,), device=device)


class Training:
    """A model's training, watched or not.

    Args:
        made: model, inputs, targets.
        compiled: whether `torch.compile` has a part in it.
        watched: whether gradgauge watches.
        device: where it runs.
    """

    def __init__(self, made: Made, compiled: bool, watched: bool, device: str):
        import torch

        import gradgauge as gg

        model, self.x, self.y = made
        self.device, self.watched = device, watched
        self.optimizer = torch.optim.AdamW(model.parameters(), fused=device == "cuda")
        self.stack = contextlib.ExitStack()
        if watched:
            self.stack.enter_context(gg.watch(model))
        backend: dict[str, Any] = {} if device == "cuda" else {"backend": "eager"}
        self.model = torch.compile(model, **backend) if compiled else model

    def steps(self, count: int) -> float:
        """Make so many; seconds."""
        import torch

        wait = torch.cuda.synchronize if self.device == "cuda" else lambda: None
        wait()
        began = time.perf_counter()
        for _ in range(count):
            self.optimizer.zero_grad()
            with torch.autocast(self.device, torch.bfloat16):
                out = self.model(self.x)
            out = out.float().flatten(0, -2)
            torch.nn.functional.cross_entropy(out, self.y.flatten()).backward()
            self.optimizer.step()
        wait()
        return time.perf_counter() - began


def overhead(build: Callable[[], Made], compiled: bool, device: str, small: bool) -> str:
    """The overhead and the plain step, as a row's cells."""
    import torch

    rounds, block = (2, 2) if small else (ROUNDS, BLOCK)
    torch.manual_seed(0)
    plain = Training(build(), compiled, False, device)
    watched = Training(build(), compiled, True, device)
    with watched.stack:
        for training in (plain, watched):
            training.steps(1 if small else WARM_UP)
        found, base = [], []
        for at in range(rounds):
            order = (plain, watched) if at % 2 == 0 else (watched, plain)
            seconds = {training.watched: training.steps(block) for training in order}
            found.append(seconds[True] / seconds[False] - 1)
            base.append(seconds[False] / block)
    return f"{1e3 * statistics.median(base):.2f} | {100 * statistics.median(found):+.1f}%"


def main() -> None:
    """Print a row a training."""
    small = is_small(__doc__)
    device = torch_device()
    if device is None:
        return
    print(f"{card()}\n\n| training | | step, ms | watching |\n|---|---|---|---|")
    for name, build in (("ResNet-50", resnet), ("GPT-2", transformer)):
        for compiled in (False, True):
            how = "compiled" if compiled else "eager"
            try:
                cells = overhead(lambda build=build: build(small, device), compiled, device, small)
            except RuntimeError as error:  # Out of memory, no compiler: the others go on.
                cells = f"skipped: {str(error).splitlines()[0][:60]} | "
            print(f"| {name} | {how} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
