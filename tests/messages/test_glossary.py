"""docs/glossary.md: the Korean texts keep to its terms and use none of its banned variants."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import NamedTuple

import pytest

import gradgauge
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
    limits = Path(gradgauge.__file__).parent / "diagnosis" / "thresholds_ko.toml"
    pages = [ROOT / "README.ko.md", *sorted((ROOT / "docs").glob("*.ko.md")), limits]
    texts = {page.name: page.read_text(encoding="utf-8") for page in pages}
    for path in sorted((ROOT / "examples").glob("*_ko.ipynb")):
        cells = json.loads(path.read_text("utf-8"))["cells"]
        told = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
        texts[path.name] = "\n".join(told)
    return {**entries("ko"), **texts}


_HANGUL = ord("가")
_FINALS = 28
_RIEUL = 8
_NOUNS = (
    "사람",
    "샘플",
    "층",
    "유닛",
    "신호",
    "값",
    "학습",
    "네트워크",
    "가중치",
    "기울기",
    "손실",
    "스텝",
    "에포크",
    "시드",
    "배치",
    "모델",
    "파일",
    "폴더",
    "데이터",
    "입력",
    "출력",
    "학습률",
    "미분값",
)


def _final(syllable: str) -> int:
    """The place of a syllable's final consonant; 0: none."""
    return (ord(syllable) - _HANGUL) % _FINALS


def wrong_particles(text: str) -> list[str]:
    """Particles that do not go with the syllable before them: `네트워크으로`, `샘플으로`, `사람는`.

    `으로` never follows a vowel or ㄹ, `를` never a consonant; `은/는`, `이/가`, `을/를`, `과/와` are
    asked of common nouns only, because verbs end in the same letters.
    """
    found = [m[0] for m in re.finditer(r"[가-힣]으로", text) if _final(m[0][0]) in (0, _RIEUL)]
    found += [m[0] for m in re.finditer(r"[가-힣]를(?![가-힣])", text) if _final(m[0][0])]
    for noun in _NOUNS:
        wrong = "는|가|를|와" if _final(noun[-1]) else "은|이|을|과"
        found += re.findall(rf"(?<![가-힣]){noun}(?:{wrong})(?![가-힣])", text)
    return found


def test_particles_go_with_the_noun_before_them() -> None:
    found = {key: wrong_particles(text) for key, text in korean_texts().items()}
    assert {key: wrong for key, wrong in found.items() if wrong} == {}


def test_a_wrong_particle_would_be_noticed() -> None:
    wrong = "네트워크으로, 샘플으로, 사람는, 값를 보고 층으로, 값을, 학습률로, 있는, 앞으로"
    assert wrong_particles(wrong) == ["크으로", "플으로", "값를", "사람는", "값를"]


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
