"""docs/glossary.md: the Korean texts keep to its terms and use none of its banned variants."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest

from gradgauge.messages.catalog import entries

ROOT = Path(__file__).parents[2]
_SPACED_EPOCHS = re.compile(r"[\d}] 에포크")
"""A number and 에포크 are one word: `5에포크`."""


class Term(NamedTuple):
    """A row of the table."""

    english: str
    korean: str
    definition: str
    korean_definition: str
    banned: tuple[str, ...]


def glossary() -> list[Term]:
    page = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("|")][2:]
    terms = []
    for row in rows:
        english, korean, definition, korean_definition, banned = (
            cell.strip() for cell in row.strip("|").split("|")
        )
        variants = tuple(part.strip() for part in banned.split(","))
        terms.append(Term(english, korean, definition, korean_definition, variants))
    return terms


def korean_texts() -> dict[str, str]:
    """The catalogue's sentences and the pages written in Korean, by key and by path."""
    pages = [ROOT / "README.ko.md", *sorted((ROOT / "docs").glob("*.ko.md"))]
    texts = {str(page.relative_to(ROOT)): page.read_text(encoding="utf-8") for page in pages}
    return {**entries("ko"), **texts}


def violations(texts: dict[str, str], banned: tuple[str, ...]) -> list[tuple[str, str]]:
    return [(key, word) for key, text in texts.items() for word in banned if word in text]


def test_every_row_is_whole() -> None:
    terms = glossary()
    assert len(terms) > 25
    assert [term for term in terms if not all(term) or not all(term.banned)] == []
    names = [term.english for term in terms]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("term", glossary(), ids=lambda term: term.english)
def test_no_korean_text_uses_a_banned_variant(term: Term) -> None:
    assert violations(korean_texts(), term.banned) == []


@pytest.mark.parametrize("term", glossary(), ids=lambda term: term.english)
def test_the_term_itself_is_what_the_catalogue_says(term: Term) -> None:
    """A row about a word that no text uses any more is stale."""
    assert any(term.korean in text for text in korean_texts().values())


def test_a_number_of_epochs_is_one_word() -> None:
    texts = korean_texts()
    assert [key for key, text in texts.items() if _SPACED_EPOCHS.search(text)] == []


def test_a_banned_variant_would_be_noticed() -> None:
    gradient = next(term for term in glossary() if term.english == "gradient")
    assert violations({"a": "그래디언트 소실", "b": "기울기 소실"}, gradient.banned) == [
        ("a", "그래디언트")
    ]
