"""docs/glossary.md: the Korean texts keep to its terms and use none of its banned variants."""

from __future__ import annotations

import re
from typing import NamedTuple

import pytest

from tests.messages.korean import RIEUL, ROOT, final_consonant, korean_texts

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


_ENDINGS = (
    "나은",
    "모은",
    "지은",
    "이은",
    "나을",
    "지을",
    "이을",
    "마을",
    "가을",
    "노을",
    "처음을",
    "효과",
    "초과",
    "투과",
)
"""Ends of words that look like a wrong particle and are none."""

_BEFORE_GA = ("평가", "증가", "전문가", "는가", "은가", "인가", "운가", "불가", "뭔가", "누군가")


def wrong_particles(text: str) -> list[str]:
    """Particles that do not go with the syllable before them: `네트워크으로`, `정확도은`, `값를`.

    After a vowel: no 은, 을, 과, 으로; after ㄹ no 으로; after another consonant no 를, 와, 가. 는 and 이
    are not asked about, because verbs and adverbs end in them.
    """
    found = [
        m[0] for m in re.finditer(r"[가-힣]으로", text) if final_consonant(m[0][0]) in (0, RIEUL)
    ]
    for word in re.findall(r"[가-힣]{2,}(?![가-힣])", text):
        closed, particle = final_consonant(word[-2]), word[-1]
        if particle in "은을과" and not closed and not word.endswith(_ENDINGS):
            found.append(word)
        if particle in "를와" and closed:
            found.append(word)
        if particle == "가" and closed and not word.endswith(_BEFORE_GA):
            found.append(word)
    return found


def test_particles_go_with_the_noun_before_them() -> None:
    found = {key: wrong_particles(text) for key, text in korean_texts().items()}
    assert {key: wrong for key, wrong in found.items() if wrong} == {}


def test_a_wrong_particle_would_be_noticed() -> None:
    wrong = (
        "네트워크으로, 샘플으로, 정확도은, 값를 보고 층가; 층으로, 값을, 학습률로, 있는, 효과, 평가"
    )
    assert wrong_particles(wrong) == ["크으로", "플으로", "정확도은", "값를", "층가"]


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
