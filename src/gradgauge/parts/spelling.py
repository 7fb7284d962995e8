"""Names as people spell them: in any case, and by the class that Keras and PyTorch have."""

from __future__ import annotations

import re
from collections.abc import Iterable


def known_name(name: str, known: Iterable[str]) -> str:
    """The known name that `name` means: `ReLU` and `RELU` mean relu, `LeakyReLU` leaky_relu.

    Args:
        name: as it was written.
        known: the names there are.

    Returns:
        One of `known` where exactly one differs from `name` by case, hyphens and underscores
        alone; else `name` as it is.
    """
    names = list(known)
    if name in names:
        return name
    meant = [other for other in names if _bare(other) == _bare(name)]
    return meant[0] if len(meant) == 1 else name


def _bare(name: str) -> str:
    return re.sub(r"[-_ ]", "", name).lower()
