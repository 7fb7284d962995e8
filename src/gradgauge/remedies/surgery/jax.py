"""Remedies on a JAX loss with parameters: those that change numbers, steps or data. What a loss
function does between its parameters nobody can exchange from outside."""

from __future__ import annotations

import importlib
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gradgauge.own.loops.jax import RATE
from gradgauge.own.made import Made
from gradgauge.remedies.remedy import GRAPH, MODULE, SHAPE, Remedy
from gradgauge.remedies.surgery.jax_layers import JaxLayers
from gradgauge.remedies.surgery.site import Site, changed, first_rows, run_lines
from gradgauge.remedies.trainer import CannotApply

_ROWS = 1_000
_OF_RATE = ("slower_decay",)
"""Remedies whose lines make a new optimizer at a rate that optax hides."""


def treated(site: Site, remedy: Remedy, lines: str) -> Site:
    """See `surgery.treat`."""
    if remedy.reach in (MODULE, GRAPH, SHAPE):
        raise CannotApply("hidden", what="f")
    other = site.with_data(remedy.touches, lines, {"jnp": jnp})
    if other is not None:
        return other
    if remedy.key in _OF_RATE:
        raise CannotApply("hidden", what="rate")
    made = site.made
    names: dict[str, Any] = {"jax": jax, "jnp": jnp, "key": jax.random.key(site.seed)}
    if "optax" in lines:
        names |= {"optax": _optax(), "optimizer": made.optimizer, "steps": site.steps}
        if made.optimizer is None:
            names["optimizer"] = names["optax"].sgd(made.learning_rate or RATE)
        run_lines(lines, names)
        return replace(site, made=replace(made, optimizer=names["optimizer"]))
    layers = JaxLayers(made.model)
    params = layers.read()
    if "x[" in lines:
        names["x"] = first_rows(site.data, _ROWS)

    def loss(params: list[dict[str, Any]], x: Any, y: Any) -> Any:
        return made.loss(layers.written(params), x, y)

    names |= {"y": site.data.y[:_ROWS], "loss": loss, "params": params}
    run_lines(lines, names)
    model = layers.written(params)
    before, after = ({"weights": _arrays(tree)} for tree in (made.model, model))
    changed(before, after, remedy.idle)
    return replace(site, made=replace(made, model=model))


def with_rate(site: Site, factor: float) -> Site:
    """Every update times `factor`."""
    return replace(site, made=replace(site.made, rate_factor=site.made.rate_factor * factor))


def scaled_optimizer(made: Made) -> Any:
    """The optimizer with its updates times the factor of the rate; None: plain steps."""
    if made.optimizer is None or made.rate_factor == 1:
        return made.optimizer
    optax = _optax()
    return optax.chain(made.optimizer, optax.scale(made.rate_factor))


def _arrays(tree: Any) -> list[np.ndarray]:
    return [np.asarray(leaf) for leaf in jax.tree.leaves(tree)]


def _optax() -> Any:
    try:
        return importlib.import_module("optax")
    except ModuleNotFoundError:
        raise CannotApply("no_optax") from None
