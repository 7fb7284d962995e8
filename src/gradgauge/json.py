"""What every JSON of this package has in common: numbers that JSON does not know.

NaN is null. Infinity is null, too, where a figure is a measurement (`finite`), and the string
"inf" or "-inf" where it is an answer of its own, as a depth scale is (`number`, `plain`).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np


def number(value: Any) -> Any:
    """A figure as JSON can hold it: NaN is None, infinity "inf" or "-inf"; all else as it is."""
    if isinstance(value, np.generic):
        value = value.item()
    if not isinstance(value, float) or math.isfinite(value):
        return value
    if math.isnan(value):
        return None
    return "inf" if value > 0 else "-inf"


def plain(value: Any) -> Any:
    """A document with arrays as lists and every figure as `number` has it."""
    if isinstance(value, np.ndarray):
        return [plain(item) for item in value.tolist()]
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return number(value)


def finite(value: Any) -> Any:
    """The same document with NaN and infinity replaced by None."""
    if isinstance(value, Mapping):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def dumps(document: Any, indent: int | None = None) -> str:
    """A document as text, every letter as it is.

    Raises:
        ValueError: it holds a number that JSON does not know.
    """
    return json.dumps(document, ensure_ascii=False, allow_nan=False, indent=indent)
