"""Which layers stand above a layer: those that read its output before any other reader does."""

from __future__ import annotations

from collections.abc import Sequence


def first_readers(reads: Sequence[int]) -> list[list[int]]:
    """Of every call, its readers that do not stand after another one of its readers.

    In a residual stack everything above reads a layer, by way of the stream; the first to do so
    is the layer above. Query, key and value read one thing side by side, as do the two heads of
    a trunk and all decoder layers that look at one encoder: they are the layer above together.

    Args:
        reads: of every call, in the order of calls, the calls whose outputs reach it without
            passing through another one, as bits: bit i for call i. Only earlier ones count.

    Returns:
        Of every call the indices of its first readers, ascending; empty: nobody reads it.
    """
    readers: list[list[int]] = [[] for _ in reads]
    for reader, sources in enumerate(reads):
        for source in bits(sources & ((1 << reader) - 1)):
            readers[source].append(reader)
    beyond = [0] * len(reads)  # Everything that a call's output can come to.
    first: list[list[int]] = [[] for _ in reads]
    for call in reversed(range(len(reads))):
        after = 0
        for reader in readers[call]:
            after |= beyond[reader]
        first[call] = [reader for reader in readers[call] if not after >> reader & 1]
        beyond[call] = after | sum(1 << reader for reader in readers[call])
    return first


def bits(mask: int) -> list[int]:
    """Positions of the ones in a mask, ascending."""
    found = []
    while mask:
        lowest = mask & -mask
        found.append(lowest.bit_length() - 1)
        mask ^= lowest
    return found
