"""What `pair` wants of a JAX training."""

from __future__ import annotations

from typing import Any

from corpus.jax.models import Jax
from corpus.pairs import Made


def jax_fit(net: Jax, x: Any, y: Any, optimizer: Any, epochs: int = 8) -> Made:
    """A loss, its parameters, and how outputs are made of them."""
    options = {"optimizer": optimizer, "epochs": epochs, "predict": net.predict, "kind": net.kind}
    return (net.loss, net.params, x, y), options, y
