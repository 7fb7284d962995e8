"""PyTorch ensembles: prints networks a second. Arguments: layout depth width networks.

`eager`: two processes of one thread each, one network after the other. `vmap`: torch.func with
all networks stacked, two threads.
"""

import itertools
import multiprocessing
import sys
import time

import torch

from gradgauge.datasets import load

LAYOUT, DEPTH, WIDTH, NETWORKS = sys.argv[1], *map(int, sys.argv[2:5])


def arrays(part: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Images in [0, 1] and classes of `train` or `test`."""
    data = load("mnist")
    x, y = getattr(data, f"x_{part}"), getattr(data, f"y_{part}")
    return torch.from_numpy(x).float() / 255, torch.from_numpy(y).long()


def network() -> torch.nn.Sequential:
    layers: list[torch.nn.Module] = []
    for fan_in, width in itertools.pairwise([784] + [WIDTH] * DEPTH):
        layers += [torch.nn.Linear(fan_in, width), torch.nn.ReLU()]
    return torch.nn.Sequential(*layers, torch.nn.Linear(WIDTH, 10))


def train_eager(seeds: list[int]) -> None:
    torch.set_num_threads(1)
    x, y = arrays("train")
    x_test, y_test = arrays("test")
    for seed in seeds:
        torch.manual_seed(seed)
        model = network()
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
        order = torch.randperm(len(x))
        for at in range(0, len(x), 400):
            rows = order[at : at + 400]
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(x[rows]), y[rows]).backward()
            optimizer.step()
        with torch.no_grad():
            (model(x_test).argmax(1) == y_test).float().mean().item()


def eager() -> float:
    halves = [list(range(i, NETWORKS, 2)) for i in range(2)]
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        pool.map(train_eager, [[], []])
        began = time.perf_counter()
        pool.map(train_eager, halves, chunksize=1)
        return NETWORKS / (time.perf_counter() - began)


def vmapped() -> float:
    torch.set_num_threads(2)
    x, y = arrays("train")
    x_test, y_test = arrays("test")
    models = [network() for _ in range(NETWORKS)]
    params, _ = torch.func.stack_module_state(models)
    base = network().to("meta")

    def loss(p: dict, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.cross_entropy(torch.func.functional_call(base, p, (x,)), y)

    step = torch.func.vmap(torch.func.grad(loss), in_dims=(0, 0, 0))
    optimizer = torch.optim.Adam(list(params.values()), lr=1e-3)
    orders = torch.stack([torch.randperm(len(x)) for _ in range(NETWORKS)])
    began = time.perf_counter()
    for at in range(0, len(x), 400):
        rows = orders[:, at : at + 400]
        gradients = step({k: v.detach() for k, v in params.items()}, x[rows], y[rows])
        for name, value in params.items():
            value.grad = gradients[name]
        optimizer.step()
    with torch.no_grad():
        for number in range(NETWORKS):
            one = {name: value[number] for name, value in params.items()}
            (torch.func.functional_call(base, one, (x_test,)).argmax(1) == y_test).float().mean()
    return NETWORKS / (time.perf_counter() - began)


if __name__ == "__main__":
    print(eager() if LAYOUT == "eager" else vmapped())
