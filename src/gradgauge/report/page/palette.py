"""Colors, dashes and shapes of networks: no reader has to tell two by color alone.

References:
    Okabe & Ito (2008), Color Universal Design. Vermilion and blue stand first; yellow, which
    is hard to see on white, last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

COLORS = (
    "#D55E00",
    "#0072B2",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#000000",
    "#F0E442",
)
ON_DARK = {
    "#D55E00": "#F28444",
    "#0072B2": "#55A9E8",
    "#009E73": "#35C69B",
    "#CC79A7": "#E29CC3",
    "#E69F00": "#F2B63D",
    "#56B4E9": "#8ED0F5",
    "#000000": "#E8EAED",
    "#F0E442": "#F0E442",
}
"""The same hues, light enough for a dark page."""

DASHES = ((1, 0), (6, 3), (2, 2), (9, 3, 2, 3), (12, 4), (4, 2, 1, 2), (1, 3))
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-right")


@dataclass(frozen=True)
class Style:
    """How a network is drawn."""

    color: str
    dash: tuple[int, ...]
    shape: str


def styles(names: Sequence[str]) -> dict[str, Style]:
    """A style for every network, by name. Colors and dashes repeat with periods of 8 and 7, so
    that 56 networks look different."""
    return {
        name: Style(COLORS[at % len(COLORS)], DASHES[at % len(DASHES)], SHAPES[at % len(SHAPES)])
        for at, name in enumerate(names)
    }
