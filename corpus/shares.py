"""Shares with their intervals."""

from __future__ import annotations

import math

_Z = 1.959964


def wilson(count: int, of: int) -> tuple[float, float]:
    """The 95% interval of a share.

    References:
        Wilson (1927), Probable inference, the law of succession, and statistical inference.
    """
    if not of:
        return 0.0, 1.0
    share, z2 = count / of, _Z**2
    middle = (share + z2 / (2 * of)) / (1 + z2 / of)
    half = _Z / (1 + z2 / of) * math.sqrt(share * (1 - share) / of + z2 / (4 * of**2))
    return max(middle - half, 0.0), min(middle + half, 1.0)


def told(count: int, of: int) -> str:
    """`12 of 40 (30%, 18 to 45%)`."""
    low, high = wilson(count, of)
    share = f"{100 * count / of:.0f}%" if of else "-"
    return f"{count} of {of} ({share}, {100 * low:.0f} to {100 * high:.0f}%)"
