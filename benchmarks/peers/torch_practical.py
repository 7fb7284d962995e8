"""The practical in PyTorch, eager, two threads: data on the device once, batches by index."""

import itertools
import sys

import torch

from gradgauge.datasets import load

torch.set_num_threads(2)
torch.manual_seed(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
data = load("mnist")
x_train = torch.from_numpy(data.x_train).float() / 255
x_test = torch.from_numpy(data.x_test).float() / 255
y_train = torch.from_numpy(data.y_train).long()
y_test = torch.from_numpy(data.y_test).long()
for name, activation in (("relu", torch.nn.ReLU), ("sigmoid", torch.nn.Sigmoid)):
    widths = [784] + [64] * 10
    layers: list[torch.nn.Module] = []
    for fan_in, width in itertools.pairwise(widths):
        layers += [torch.nn.Linear(fan_in, width), activation()]
    model = torch.nn.Sequential(*layers, torch.nn.Linear(64, 10))
    for module in model:
        if isinstance(module, torch.nn.Linear):
            torch.nn.init.xavier_uniform_(module.weight)
            torch.nn.init.zeros_(module.bias)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, eps=1e-7)
    for _ in range(5):
        order = torch.randperm(len(x_train))
        for at in range(0, len(order), 400):
            rows = order[at : at + 400]
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(model(x_train[rows]), y_train[rows])
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        print(name, (model(x_test).argmax(1) == y_test).float().mean().item())
