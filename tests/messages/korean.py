"""What is written in Korean: the catalogue and the pages, and what its syllables are made of."""

from __future__ import annotations

import json
from pathlib import Path

import gradgauge
from gradgauge.messages.catalog import entries

ROOT = Path(__file__).parents[2]
RIEUL, PIEUP = 8, 17
"""The places of ㄹ and ㅂ among the final consonants."""

_FIRST = ord("가")
_FINALS = 28


def korean_texts() -> dict[str, str]:
    """The catalogue's sentences and the pages written in Korean, by key and by path."""
    limits = Path(gradgauge.__file__).parent / "diagnosis" / "thresholds_ko.toml"
    pages = [ROOT / "README.ko.md", *sorted((ROOT / "docs").glob("*.ko.md")), limits]
    texts = {page.name: page.read_text(encoding="utf-8") for page in pages}
    for path in sorted((ROOT / "examples").glob("*_ko.ipynb")):
        cells = json.loads(path.read_text("utf-8"))["cells"]
        told = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
        texts[path.name] = "\n".join(told)
    return {**entries("ko"), **texts}


def final_consonant(syllable: str) -> int:
    """The place of a syllable's final consonant; 0: none."""
    return (ord(syllable) - _FIRST) % _FINALS
