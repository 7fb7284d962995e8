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
from gradgauge.remedies.surgery.site import Site, changed, first_rows, run_lines
from gradgauge.remedies.trainer import CannotApply

_ROWS = 1_000
_OF_RATE = ("slower_decay",)
"""Remedies whose lines make a new optimizer at a rate that optax hides."""


def treated(site: Site, remedy: Remedy, lines: str) -> Site:
    """See `surgery.treat`."""
    if remedy.reach in (MODULE, GRAPH, SHAPE):
        raise CannotApply("hidden", what="f")
    if "targets" in remedy.touches:
        return site.retargeted(lines, {"jnp": jnp})
    if "inputs" in remedy.touches:
        return site.scaled(lines, {"jnp": jnp})
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
    params = [dict(layer) for layer in _layers(made.model)]
    if "x[" in lines:
        names["x"] = first_rows(site.data, _ROWS)
    names |= {"y": site.data.y[:_ROWS], "loss": made.loss, "params": params}
    run_lines(lines, names)
    before, after = ({"weights": _arrays(tree)} for tree in (made.model, params))
    changed(before, after, remedy.idle)
    return replace(site, made=replace(made, model=type(made.model)(params)))


def with_rate(site: Site, factor: float) -> Site:
    """Every update times `factor`."""
    return replace(site, made=replace(site.made, rate_factor=site.made.rate_factor * factor))


def scaled_optimizer(made: Made) -> Any:
    """The optimizer with its updates times the factor of the rate; None: plain steps."""
    if made.optimizer is None or made.rate_factor == 1:
        return made.optimizer
    optax = _optax()
    return optax.chain(made.optimizer, optax.scale(made.rate_factor))


def _layers(params: Any) -> Any:
    """The parameters, where they are such as the lines are written for."""
    wanted = {"weight", "bias"}
    fits = isinstance(params, (list, tuple)) and all(
        isinstance(layer, dict) and set(layer) == wanted for layer in params
    )
    if not fits:
        raise CannotApply("other_parameters")
    return params


def _arrays(tree: Any) -> list[np.ndarray]:
    return [np.asarray(leaf) for leaf in jax.tree.leaves(tree)]


def _optax() -> Any:
    try:
        return importlib.import_module("optax")
    except ModuleNotFoundError:
        raise CannotApply("no_optax") from None
