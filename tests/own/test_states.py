"""A comparison leaves the process as it was: random states, modes, counters of names."""

from __future__ import annotations

import random

import keras
import numpy as np
import pytest
import torch

from gradgauge.own.data import given_data
from gradgauge.own.errors import OwnProblem
from gradgauge.own.train import Schedule, network_of, train_network
from gradgauge.watchers.keras.private import process_state
from tests.own.functions import MAKERS, points


class Mine(Exception):
    """What a user's code raises."""


def state():
    shared = process_state()
    generator = shared["global_seed_generator"]
    drawn = None if generator is None else np.asarray(generator.state.value).tolist()
    return (
        random.getstate(),
        np.random.get_state()[1].tolist(),  # noqa: NPY002
        torch.get_rng_state().tolist(),
        torch.get_default_dtype(),
        torch.is_grad_enabled(),
        drawn,
        dict(shared["object_name_uids"] or {}),
        shared["global_random_seed"],
        keras.config.floatx(),
    )


@pytest.mark.parametrize("ending", ["plain", "exception", "Ctrl-C"])
@pytest.mark.parametrize("framework", MAKERS)
def test_all_is_as_before(framework, ending):
    keras.random.normal((1,))  # So that there is a generator that could be moved.
    data = given_data(*points())
    make = MAKERS[framework]
    before = state()
    network = network_of("net", make, data)
    assert state() == before

    def told(made):
        if made == 2 and ending != "plain":
            raise Mine if ending == "exception" else KeyboardInterrupt

    if ending == "exception":
        with pytest.raises(Mine):
            train_network(network, Schedule(1, 40), told)
    else:
        result = train_network(network, Schedule(1, 40, (0, 1)), told)
        assert result.interrupted == (ending == "Ctrl-C")
        assert len(result.run.seeds) == (0 if result.interrupted else 2)
    assert state() == before


def test_what_a_function_changes_of_modes_is_put_back():
    def make():
        torch.set_grad_enabled(True)
        torch.set_default_dtype(torch.float64)
        try:
            return MAKERS["pytorch"]()
        finally:
            random.seed(1)

    before = state()
    x, y = points()
    with pytest.raises(OwnProblem, match="dtype"):
        network_of("make", make, given_data(x, y))
    assert state() == before
