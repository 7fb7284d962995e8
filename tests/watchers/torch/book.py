"""A training's figures by a test's own hand, with plain hooks and sums, in float64."""

from __future__ import annotations

import itertools

import numpy as np
import torch
from torch import nn

RTOL = 1e-9


BCE = nn.functional.binary_cross_entropy_with_logits


X = torch.randn(32, 8, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


Y = torch.arange(32) % 3


def mlp(widths=(8, 16, 16, 3), act=nn.Tanh):
    torch.manual_seed(0)
    parts = [p for a, b in itertools.pairwise(widths) for p in (nn.Linear(a, b), act())]
    return nn.Sequential(*parts[:-1])


def layers(model):
    return [part for part in model.modules() if isinstance(part, nn.Linear)]


def norms(tensors):
    return [float("nan") if t is None else float(t.detach().norm()) for t in tensors]


def loss_of(model, x=X):
    return nn.functional.cross_entropy(model(x), Y)


class Book:
    """Figures of a training, by the test's own hand: one row a step."""

    def __init__(self, model):
        self.model, self.rows = model, {"grad": [], "weight": [], "update": []}

    def before(self):
        self.weights = [part.weight.detach().clone() for part in layers(self.model)]
        self.rows["grad"].append(norms(part.weight.grad for part in layers(self.model)))

    def after(self, moved=None):
        parts = layers(self.model)
        changes = [
            float((p.weight.detach() - w).norm() / w.norm())
            if moved is None or i in moved
            else float("nan")
            for i, (p, w) in enumerate(zip(parts, self.weights, strict=True))
        ]
        self.rows["weight"].append(norms(self.weights))
        self.rows["update"].append(changes)

    def agrees(self, run):
        names = {"grad": "weight_grad_norm", "weight": "weight_norm", "update": "update_ratio"}
        for key, name in names.items():
            np.testing.assert_allclose(
                run.values("steps", name)[0], self.rows[key], rtol=RTOL, err_msg=name
            )
