"""One watched step of a PyTorch model, and what plain hooks saw of it."""

from __future__ import annotations

import torch
from torch.nn import functional

import gradgauge as gg

X, Y = torch.randn(32, 8, generator=torch.Generator().manual_seed(3)), torch.arange(32) % 3


def watched(model, loss):
    """The Run of one step, and of every module's output the gradient that reached it."""
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], 0.1)
    own = {}

    def keep(name):
        def hook(_module, _args, out):
            if isinstance(out, torch.Tensor) and out.requires_grad:
                out.register_hook(lambda grad: own.__setitem__(name, grad.double().norm().item()))

        return hook

    handles = [m.register_forward_hook(keep(n)) for n, m in model.named_modules() if n]
    with gg.watch(model, every=1) as watcher:
        loss(model).backward()
        optimizer.step()
    for handle in handles:
        handle.remove()
    return watcher.run, own


def classify(model):
    return functional.cross_entropy(model(X), Y)


def by_layer(run, quantity):
    values = run.values("probes", quantity)[0, 0]
    return dict(zip((layer.name for layer in run.layers), values, strict=True))


def info(run, name):
    return next(layer for layer in run.layers if layer.name == name)


def reasons(run):
    return {(note.reason, name) for note in run.notes for name in note.layers}
