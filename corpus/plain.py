"""Trains a case plainly, as its framework's tutorials do."""

from __future__ import annotations

import math
from contextlib import nullcontext
from typing import Any

import numpy as np

from corpus.case import Case
from corpus.pairs import Loop


def outcome(case: Case, args: Any, options: dict[str, Any]) -> Any:
    """Outputs on the training's own inputs, after a plain training."""
    if isinstance(args, Loop):
        args.train(lambda _: nullcontext())
        return args.outputs()
    return {"keras": _keras, "pytorch": _pytorch, "jax": _jax}[case.framework](
        args, options, case.seed
    )


def _keras(args: Any, options: dict[str, Any], seed: int) -> Any:
    import keras

    keras.utils.set_random_seed(seed)
    model, x, *y = args
    model.fit(x, *y, verbose=0, **options)
    return model.predict(x, verbose=0)


def _pytorch(args: Any, options: dict[str, Any], seed: int) -> Any:
    import torch

    torch.manual_seed(seed)
    model, loss, optimizer, data = args
    scheduler = options.get("scheduler")
    for _ in range(options["epochs"]):
        value = torch.tensor(math.nan)
        for x, y in data:
            optimizer.zero_grad()
            value = loss(model(x), y)
            value.backward()
            optimizer.step()
        if isinstance(scheduler, torch.optim.lr_scheduler.ReduceLROnPlateau):
            scheduler.step(-value.item() if scheduler.mode == "max" else value.item())
        elif scheduler is not None:
            scheduler.step()
    with torch.no_grad():
        return model.eval()(data.dataset.tensors[0]).numpy()


def _jax(args: Any, options: dict[str, Any], seed: int) -> Any:  # noqa: ARG001 one signature
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
