"""Mistakes in the data whose remedy is a certainty: numbers that are none, and targets of another
order of size than any outputs."""

from __future__ import annotations

from gradgauge.remedies.remedy import DATA, Remedy

_CLEAN = """
# @missing
kept = $xp.isfinite(y).reshape(len(y), -1).all(axis=1)
x, y = x[kept], y[kept]
known = $xp.isfinite(x)
mean = $xp.where(known, x, 0).sum(axis=0) / $xp.maximum(known.sum(axis=0), $one)
filled = $xp.where(known, x, mean)
low, high = $low, $high
x = $xp.where($xp.isnan(x), mean, $xp.minimum($xp.maximum(x, low), high))
"""

_STANDARDIZED = """
# @new_targets
mean, spread = y.mean(axis=0), y.std(axis=0)
y = (y - mean) / $xp.where(spread > 0, spread, 1)
"""

_SHUFFLED = """
# @every_epoch
order = np.random.default_rng().permutation(len(y))
x, y = x[order], y[order]
"""
_SHUFFLED_LOADER = """
loader = torch.utils.data.DataLoader(loader.dataset, loader.batch_size, shuffle=True)
"""

_LIBRARY = {"keras": "np", "pytorch": "torch", "jax": "jnp"}
_NUMPY = {"$one": "1", "$low": "filled.min(axis=0)", "$high": "filled.max(axis=0)"}
_PYTORCH = {
    "$one": "torch.tensor(1)",
    "$low": "filled.amin(dim=0)",
    "$high": "filled.amax(dim=0)",
}


def _everywhere(lines: str) -> dict[str, str]:
    """Framework -> the lines with its own functions of arrays."""
    filled = {}
    for framework, library in _LIBRARY.items():
        words = {"$xp": library, **(_PYTORCH if framework == "pytorch" else _NUMPY)}
        filled[framework] = lines
        for word, text in words.items():
            filled[framework] = filled[framework].replace(word, text)
    return filled


CLEAN_DATA = Remedy(
    "clean_data",
    reach=DATA,
    rules=("non-finite",),
    paper="Little & Rubin (2002), Statistical Analysis with Missing Data, section 4.2",
    touches=frozenset({"missing"}),
    patch=_everywhere(_CLEAN),
    certain=True,
)

STANDARDIZE_TARGETS = Remedy(
    "standardize_targets",
    reach=DATA,
    rules=("loss-mismatch",),
    paper="LeCun et al. (1998), Efficient BackProp, section 4.5",
    touches=frozenset({"size of targets"}),
    patch=_everywhere(_STANDARDIZED),
    certain=True,
)

SHUFFLE = Remedy(
    "shuffle",
    reach=DATA,
    rules=("unshuffled-batches",),
    paper="Bengio (2012), Practical recommendations, section 3.1.1",
    touches=frozenset({"order"}),
    patch={"keras": _SHUFFLED, "pytorch": _SHUFFLED_LOADER, "jax": _SHUFFLED},
    certain=True,
)

LABELS_FROM_ZERO = Remedy(
    "labels_from_zero",
    reach=DATA,
    rules=("loss-mismatch", "index-out-of-range"),
    paper="PyTorch, CrossEntropyLoss: classes in [0, C)",
    touches=frozenset({"targets"}),
    patch=dict.fromkeys(("keras", "pytorch", "jax"), "\ny = y - y.min()\n"),
    certain=True,
)

DATA_REPAIRS = (CLEAN_DATA, STANDARDIZE_TARGETS, SHUFFLE, LABELS_FROM_ZERO)
