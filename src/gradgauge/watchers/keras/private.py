"""Keras's private parts that we cannot do without, all of them in this file.

Keras may move them with any release. A test takes each of them, and names the version at fault.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
from keras.src.backend.common import global_state
from keras.src.backend.common.stateless_scope import get_stateless_scope, in_stateless_scope
from keras.src.legacy.saving import saving_options, saving_utils
from keras.src.saving.keras_saveable import KerasSaveable
from keras.src.saving.serialization_lib import SafeModeScope
from keras.src.trainers.data_adapters import data_adapter_utils

_SEEDS = "global_seed_generator"
_UNINITIALIZED = "uninitialized_variables"


def is_saveable(thing: Any) -> bool:
    """Whether Keras would write it down to copy it."""
    return isinstance(thing, KerasSaveable)


def seed_generator() -> Any:
    """Keras's global seed generator, None if nothing has drawn from it yet."""
    return global_state.get_global_attribute(_SEEDS)


def forget_seed_generator() -> None:
    """As if nothing had drawn from the global seed generator yet."""
    global_state.set_global_attribute(_SEEDS, None)


_PROCESS = (_SEEDS, "global_random_seed", "object_name_uids")


def process_state() -> dict[str, Any]:
    """What drawing weights and naming layers leave behind in the process: the global seed, its
    generator, and how often each name was given."""
    return {name: global_state.get_global_attribute(name) for name in _PROCESS}


def set_process_state(state: dict[str, Any]) -> None:
    """As `process_state` found it."""
    for name, value in state.items():
        global_state.set_global_attribute(name, value)


def start_process_state(seed: int) -> None:
    """As in a new process in which `keras.utils.set_random_seed(seed)` was called."""
    set_process_state(dict.fromkeys(_PROCESS) | {"global_random_seed": seed})


@contextmanager
def without_memory() -> Iterator[None]:
    """Within it, layers are built without their variables taking memory; none can be used."""
    kept = global_state.get_global_attribute(_UNINITIALIZED)
    global_state.set_global_attribute(_UNINITIALIZED, [])
    try:
        with keras.StatelessScope(initialize_variables=False):
            yield
    finally:
        global_state.set_global_attribute(_UNINITIALIZED, kept)


def weights_of_classes(y: Any, class_weight: dict[int, float]) -> Any:
    """The weight of every sample, by its class, as `fit(class_weight=...)` makes it."""
    return data_adapter_utils.class_weight_to_sample_weights(y, class_weight)


def assigned(variable: Any) -> Any:
    """What was assigned to a variable within the stateless scope; None: nothing, or no scope."""
    scope = get_stateless_scope() if in_stateless_scope() else None
    return None if scope is None else scope.get_current_value(variable)


def legacy_model(description: Any) -> Any:
    """The model that a .h5 file describes, without weights; no code of the file's is run."""
    with saving_options.keras_option_scope(use_legacy_config=True), SafeModeScope(True):
        return saving_utils.model_from_config(description)
