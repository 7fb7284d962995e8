"""Writes the second fresh set down, and checks it by plain trainings.

python -m corpus.second_book    trains every faulty case and its mended twin, and every healthy
                                case, without any diagnosis, and says how well each did
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import corpus._environment  # noqa: F401 before Keras and JAX

import keras  # isort: skip
import numpy as np
import torch
from keras import optimizers

from corpus._case import CASES, Book
from corpus.second_models import Jax
from corpus.torch_models import loader

BOOKS = {name: Book(name, "second") for name in ("keras", "pytorch", "jax")}
TWINS: dict[str, tuple[Callable[[int, bool], Any], Callable[[Any, Any], float]]] = {}
Made = tuple[tuple[Any, ...], dict[str, Any], Any]


def pair(
    framework: str,
    rule: str | None,
    name: str,
    make: Callable[[int, bool], Made],
    layers: tuple[str, ...] = (),
    kind: str = "dense",
    task: str = "multi-class",
    skill: Callable[[Any, Any], float] | None = None,
) -> None:
    """Write down a case: `make(seed, broken)` gives arguments, options and the meant targets."""
    book = BOOKS[framework]
    book.add(name, kind, task, lambda seed: make(seed, True)[:2], rule, layers)
    skills = {
        "multi-class": accuracy,
        "binary": accuracy,
        "regression": explained,
        "multi-label": bits,
    }
    TWINS[book.cases[-1]] = make, skill or skills[task]


def keras_fit(
    model: Any,
    loss: Any,
    x: Any,
    y: Any,
    truth: Any = None,
    epochs: int = 8,
    rate: Any = 1e-3,
    optimizer: Any = optimizers.Adam,
    compiling: Any = None,
    fit: Any = None,
    **o: Any,
) -> Made:
    """What `pair` wants of a Keras training; `o` goes to the optimiser."""
    model.compile(optimizer(rate, **o), loss, **(compiling or {}))
    options = {"epochs": epochs, "batch_size": 32} | (fit or {})
    return (model, x, y), options, y if truth is None else truth


def torch_fit(
    model: Any,
    loss: Any,
    x: Any,
    y: Any,
    truth: Any = None,
    epochs: int = 8,
    rate: float = 1e-3,
    optimizer: Any = torch.optim.Adam,
    parameters: Any = None,
    batch: int = 32,
    **o: Any,
) -> Made:
    """What `pair` wants of a PyTorch training."""
    over = model.parameters() if parameters is None else parameters
    data = loader(x, y, batch)
    return (
        (model, loss, optimizer(over, lr=rate, **o), data),
        {"epochs": epochs},
        y if truth is None else truth,
    )


def jax_fit(net: Jax, x: Any, y: Any, optimizer: Any, epochs: int = 8) -> Made:
    """What `pair` wants of a JAX training."""
    options = {"optimizer": optimizer, "epochs": epochs, "predict": net.predict, "kind": net.kind}
    return (net.loss, net.params, x, y), options, y


def accuracy(out: Any, truth: Any) -> float:
    """Share of right classes; one column: probabilities where all lie in 0..1, else logits."""
    out, truth = np.asarray(out), np.asarray(truth).reshape(-1)
    if out.shape[1] > 1:
        return float(np.mean(out.argmax(1) == truth))
    column = out[:, 0]
    inside = bool(np.all((column >= 0) & (column <= 1)))
    return float(np.mean((column > (0.5 if inside else 0.0)) == (truth > 0)))


def explained(out: Any, truth: Any) -> float:
    """Share of the variance that is explained."""
    truth = np.asarray(truth, np.float64)
    error = np.mean((np.asarray(out, np.float64).reshape(truth.shape) - truth) ** 2)
    return float(1 - error / np.mean((truth - truth.mean(0)) ** 2))


def bits(out: Any, truth: Any) -> float:
    """Share of right bits."""
    out = np.asarray(out)
    inside = bool(np.all((out >= 0) & (out <= 1)))
    return float(np.mean((out > (0.5 if inside else 0.0)) == (np.asarray(truth) > 0)))


def outcome(framework: str, args: Any, options: dict[str, Any]) -> Any:
    """Outputs on the training's own inputs, after a plain training."""
    if framework == "keras":
        model, x, y = args
        model.fit(x, y, verbose=0, **options)
        return model.predict(x, verbose=0)
    if framework == "pytorch":
        model, loss, optimizer, data = args
        for _ in range(options["epochs"]):
            for x, y in data:
                optimizer.zero_grad()
                loss(model(x), y).backward()
                optimizer.step()
        with torch.no_grad():
            return model.eval()(data.dataset.tensors[0]).numpy()
    return _jax(args, options)


def _jax(args: Any, options: dict[str, Any]) -> Any:
    import jax
    import optax

    loss, params, x, y = args
    optimizer, rng = options["optimizer"], np.random.default_rng(0)
    state, slope = optimizer.init(params), jax.jit(jax.grad(loss))
    for _ in range(options["epochs"]):
        order = rng.permutation(len(x))
        for rows in np.array_split(order, max(len(x) // 32, 1)):
            updates, state = optimizer.update(slope(params, x[rows], y[rows]), state, params)
            params = optax.apply_updates(params, updates)
    return options["predict"](params, x)


def main() -> None:
    """One line a case: how well it did, and its twin."""
    import corpus.second_faulty
    import corpus.second_faulty_layers
    import corpus.second_healthy
    import corpus.second_healthy_torch  # noqa: F401

    for name, (make, skill) in TWINS.items():
        if sys.argv[1:] and not any(part in name for part in sys.argv[1:]):
            continue
        case = CASES[name]
        found = []
        for broken in (True,) if case.healthy else (True, False):
            args, options, truth = make(case.seed, broken)
            if broken and any(v is None for v in args):
                continue
            keras.utils.set_random_seed(case.seed)
            found.append(skill(outcome(case.framework, args, options), truth))
        print(f"{name:58s} {'  mended: '.join(f'{v:7.3f}' for v in found)}", flush=True)


if __name__ == "__main__":
    # `pair` must be this module's, not that of a second copy called __main__
    from corpus import second_book

    second_book.main()
