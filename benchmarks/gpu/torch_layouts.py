"""PyTorch's ways to train networks on one card, and how many steps a second each makes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from gradgauge.datasets import Dataset

WARM_UP, LEAST, SECONDS = 3, 5, 2.0
STACKED = 64

Step = Callable[[], None]


@dataclass(frozen=True)
class Row:
    """What a layout did: steps of one member a second, or why it could not."""

    layout: str
    members: int
    steps: float = 0.0
    skipped: str = ""

    def told(self, epoch: int) -> str:
        """As networks a second, of so many steps each."""
        return f"skipped: {self.skipped}" if self.skipped else f"{self.steps / epoch:.2f}"


def network(width: int, depth: int, device: str) -> Any:
    """The practical's network."""
    from torch import nn

    layers: list[Any] = [nn.Linear(784, width), nn.ReLU()]
    for _ in range(depth - 1):
        layers += [nn.Linear(width, width), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(width, 10)).to(device)


def contest(
    build: Callable[[], Any], data: Dataset, batch: int, device: str, small: bool
) -> Iterator[Row]:
    """Every layout's rate. Without a GPU there are no CUDA graphs."""
    import torch

    x = torch.tensor(data.x_train, device=device).float() / 255
    y = torch.tensor(data.y_train, device=device).long()
    backend: dict[str, Any] = {} if device == "cuda" else {"backend": "eager"}
    seconds = 0.05 if small else SECONDS
    members = 2 if small else STACKED
    layouts: list[tuple[str, int, Callable[[], Step]]] = [
        ("PyTorch eager", 1, lambda: one_by_one(build(), x, y, batch)),
        (
            "PyTorch compiled",
            1,
            lambda: one_by_one(torch.compile(build(), **backend), x, y, batch),
        ),
        ("PyTorch, CUDA graphs", 1, lambda: graphed(build(), x, y, batch)),
        ("torch.func with vmap", members, lambda: stacked(build, members, x, y, batch)),
    ]
    for name, count, made in layouts:
        if name.endswith("graphs") and device != "cuda":
            yield Row(name, count, skipped="no GPU that PyTorch sees")
            continue
        try:
            yield Row(name, count, count * rate(made(), device, seconds))
        except RuntimeError as error:  # Out of memory, no compiler: the others go on.
            yield Row(name, count, skipped=str(error).splitlines()[0][:60])


def rate(step: Step, device: str, seconds: float) -> float:
    """Steps a second, behind a warm-up."""
    import torch

    wait = torch.cuda.synchronize if device == "cuda" else lambda: None
    for _ in range(WARM_UP):
        step()
    wait()
    made, began = 0, time.perf_counter()
    while made < LEAST or time.perf_counter() - began < seconds:
        step()
        made += 1
        if made % 20 == 0:
            wait()
    wait()
    return made / (time.perf_counter() - began)


def one_by_one(model: Any, x: Any, y: Any, batch: int) -> Step:
    """A network's own step, with a fused Adam where there is one."""
    import torch

    fused = x.is_cuda
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=fused)

    def step() -> None:
        rows = torch.randint(0, len(x), (batch,), device=x.device)
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(x[rows]), y[rows]).backward()
        optimizer.step()

    return step


def graphed(model: Any, x: Any, y: Any, batch: int) -> Step:
    """The whole step as one CUDA graph, played again and again."""
    import torch

    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True, capturable=True)
    rows = torch.zeros(batch, dtype=torch.long, device=x.device)

    def whole() -> None:
        optimizer.zero_grad(set_to_none=False)
        torch.nn.functional.cross_entropy(model(x[rows]), y[rows]).backward()
        optimizer.step()

    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(WARM_UP):
            whole()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        whole()

    def step() -> None:
        rows.copy_(torch.randint(0, len(x), (batch,), device=x.device))
        graph.replay()

    return step


def stacked(build: Callable[[], Any], members: int, x: Any, y: Any, batch: int) -> Step:
    """All networks as one, under vmap."""
    import torch

    params, _ = torch.func.stack_module_state([build() for _ in range(members)])
    base = build().to("meta")

    def loss(p: dict[str, Any], x: Any, y: Any) -> Any:
        return torch.nn.functional.cross_entropy(torch.func.functional_call(base, p, (x,)), y)

    gradient = torch.func.vmap(torch.func.grad(loss), in_dims=(0, 0, 0))
    optimizer = torch.optim.Adam(list(params.values()), lr=1e-3, fused=x.is_cuda)

    def step() -> None:
        rows = torch.randint(0, len(x), (members, batch), device=x.device)
        found = gradient({k: v.detach() for k, v in params.items()}, x[rows], y[rows])
        for name, value in params.items():
            value.grad = found[name]
        optimizer.step()

    return step
