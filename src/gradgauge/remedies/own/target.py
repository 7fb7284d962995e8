"""What is to be remedied: a function that makes a network, or a network itself, which is copied."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gradgauge.own.data import OwnData
from gradgauge.own.errors import OwnProblem
from gradgauge.own.made import JAX, Made, Scheduler, is_keras, is_module, made_of
from gradgauge.own.train import Network, network_of
from gradgauge.spec.comparison import function_name
from gradgauge.spec.training import TrainingSpec


@dataclass(frozen=True)
class Target:
    """A training of somebody's own.

    Attributes:
        network: the function that makes it, and its data.
        training: of it epochs and batch size are read.
        fresh: whether every seed has new weights; a network that was given keeps its own, and
            seeds vary the order of the batches and dropout.
    """

    network: Network
    training: TrainingSpec
    fresh: bool


def target_of(
    target: Any, data: OwnData, training: TrainingSpec, scheduler: Scheduler | None = None
) -> Target:
    """Look at what was given; nothing of it is changed, and nothing is trained.

    Args:
        target: a function, or what such a function returns (`own.made.made_of`).
        data: what it is trained on.
        training: epochs and batch size; optimizer, rate and loss for a Keras model that is not
            compiled.
        scheduler: of a PyTorch module that is given, what changes its rate.

    Raises:
        OwnProblem: it is no network, does not take the data, or cannot be copied.
    """
    if is_function_of(target):
        network = network_of(function_name(target), target, data, training, training.seeds[0])
        return Target(network, training, True)
    made = made_of(target, type(target).__name__)
    made.scheduler = scheduler
    name = type(made.model).__name__ if made.framework != JAX else function_name(made.loss)
    network = network_of(name, copier(made, name), data, training, training.seeds[0])
    return Target(network, training, False)


def is_function_of(target: Any) -> bool:
    """Whether it makes a network when it is called, rather than being one."""
    return callable(target) and not is_keras(target) and not is_module(target)


def copier(made: Made, name: str) -> Callable[[], Any]:
    """A function that gives a copy of a network each time: the same weights, the optimizer in the
    same state, nothing shared with what was given.

    Raises:
        OwnProblem: when it is called: it cannot be copied.
    """

    def copied() -> Any:
        if made.framework == JAX:
            # Arrays of JAX never change: what is written anew is another tree.
            return {
                "loss": made.loss,
                "params": made.model,
                "predict": made.predict,
                "optimizer": made.optimizer,
                "learning_rate": made.learning_rate,
            }
        try:
            if is_keras(made.model):
                from gradgauge.own.keras_copy import copied_model

                return copied_model(made.model)
            parts = (made.model, made.loss, made.optimizer, made.scheduler)
            model, loss, optimizer, scheduler = copy.deepcopy(parts)
        # What a module's parts answer to being copied is whatever they happen to raise.
        except Exception as error:
            why = str(error).strip().partition("\n")[0] or type(error).__name__
            raise OwnProblem("cannot_copy", name=name, why=why) from error
        return {"model": model, "loss": loss, "optimizer": optimizer, "stepping": scheduler}

    return copied
