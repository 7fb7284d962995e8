"""How many numbers a described model would hold, found before any of them is allocated."""

from __future__ import annotations

import json
import math
from typing import Any

import keras

from gradgauge.watchers.keras.private import legacy_model, without_memory

SPARE = 1_000_000
"""Numbers that a model may hold beyond its file's: seeds, counters, statistics."""

_NEEDS_MEMORY = "stateless scope"
"""In what Keras says of a layer that makes variables of values: it cannot be built without."""


def numbers_of(description: Any, legacy: bool) -> int | None:
    """Numbers in a model's variables; None where it cannot be built without them.

    Args:
        description: a model as its file describes it; names checked already.
        legacy: whether the file is of the .h5 format.

    Raises:
        Exception: what Keras raises where the description is no model's.
    """
    plain = json.loads(json.dumps(description))
    if isinstance(plain, dict):
        plain["compile_config"] = None
    with without_memory():
        try:
            if legacy:
                model = legacy_model(plain)
            else:
                model = keras.saving.deserialize_keras_object(plain, safe_mode=True)
        except ValueError as error:
            if _NEEDS_MEMORY in str(error):
                return None
            raise
        return sum(math.prod(variable.shape) for variable in getattr(model, "variables", ()))
