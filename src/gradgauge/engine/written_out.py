"""When the training program writes its layers out one by one instead of scanning over them.

A scan copies each layer's weights out of their stack and each layer's results back into one, but
its code is that of one layer. Written out, nothing is copied, but every layer has kernels of its
own: where they are short and many, fetching their code takes longer than the copies did. So narrow
layers are written out in shallow networks only, wide ones in deep ones, too.

The choice depends on network and training alone, never on what runs beside them or on what has
been compiled before: the last bit of a figure must not.
"""

from __future__ import annotations

DEEPEST: tuple[tuple[int, int], ...] = ((32, 10), (96, 20), (192, 30), (10**9, 100))
"""(widest layers, deepest network that they are written out in), narrow to wide.

Source: `python benchmarks/layers.py`, its table in benchmarks/README.md.
"""

LEAST_STEPS = 100
"""Steps below which a training is brief: whatever a step would save, compiling for it costs more."""


def is_brief(steps: int) -> bool:
    """Whether a training of so many steps is too short to be compiled for with any care."""
    return steps < LEAST_STEPS


def is_written_out(width: int, depth: int) -> bool:
    """Whether hidden layers of this width are written out, in a training that is not brief.

    Args:
        width: their units.
        depth: hidden layers of the network.
    """
    return depth <= next(most for widest, most in DEEPEST if width <= widest)
