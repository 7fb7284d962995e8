"""Korean as Korean engineers write it: one level of speech, and no turns of English.

docs/glossary.md holds the terms; here stand the turns, and what to write instead.
"""

from __future__ import annotations

import re

import pytest

from gradgauge.cli.progress import duration
from gradgauge.messages.catalog import Catalog, Message, entries, sentence
from tests.messages.korean import PIEUP, RIEUL, final_consonant, korean_texts

INSTEAD = {
    # the spelling of words and signs
    r" ~ ": "~ without spaces, or 부터 … 까지",
    r"그 다음": "그다음",
    r"[0-9}] ?배를 곱": "X배로 바꾸다, or X를 곱하다",
    r"[가-힣];": "a full stop: Korean has no semicolon",
    r"[가-힣] ?—": "a full stop, or a comma: Korean has no dash between clauses",
    r"번째의": "번째",
    # turns of English
    r"되어[지집진졌]": "되다",
    r"에 (?:의해|의하여|있어서)": "the agent as the subject, or 에서",
    r"(?:에서|으로|로부터|에게)의 ": "a verb, or the noun alone",
    r"[을를] (?:가지고 있|갖고 있|가집)": "이 있다",
    r"함에 있어": "할 때",
    r"[을를] 필요로 ": "이 필요하다",
    r"하는 것이 (?:가능|필요)": "할 수 있다, 해야 한다",
    r"(?:임|음|됨|함)을 (?:알려|의미|뜻)": "a clause: 확률을 받도록 설정하세요",
    r"[가-힣]들(?:은|이|을|의|과|에) ": "the noun without 들",
    r"그것[은이을의]|이것들": "the noun itself",
    r"당신": "no address, or 직접",
    r"니다: (?![^.:]*[{'`(])": "a full stop before what follows a whole sentence",
}
"""A pattern, and what to write in its place."""

BANNED = {re.compile(pattern): why for pattern, why in INSTEAD.items()}

PLAIN_SPEECH = ("lesson.slide.", "play.page.lesson.", "report.heading.", "report.section.")
"""Slides, headings and the answers to choose from: 한다체, as in textbooks. All else is 합니다체."""

REASONS = re.compile(r"(?:^|\.)(?:reason|not_applicable)\.")
"""What fills `이유: {reason}.`"""

_ENDS_IN_DA = re.compile(r"[가-힣]+다(?=[.(\"')]|\s*\Z)")
_NO_VERBS = ("마다", "보다")
_REASON_END = re.compile(r"(?:니다|세요)[.)]?\Z|\{\w+\}[.)]?\Z")


def plain(text: str) -> str:
    """The prose of a text: without code, links' targets and tables' rules."""
    text = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"<[^>]*>|\$[^$\n]*\$", "", text)
    return re.sub(r"\]\([^)]*\)", "]", text)


def joined(text: str) -> list[str]:
    """`할수 있다`, `알수 없다`: what is possible is two words."""
    return [
        m[0] for m in re.finditer(r"[가-힣]수 [있없]", text) if final_consonant(m[0][0]) == RIEUL
    ]


def offences(text: str) -> list[str]:
    prose = plain(text)
    found = [
        f"{hit.group()!r} in {prose[max(hit.start() - 20, 0) : hit.end() + 15]!r}: write {why}"
        for pattern, why in BANNED.items()
        for hit in pattern.finditer(prose)
    ]
    return found + [f"{word!r}: write 수 as a word of its own" for word in joined(prose)]


def levels(text: str) -> tuple[list[str], list[str]]:
    """The verbs that end a clause, in 한다체 and in 합니다체 (`-ㅂ니다`; `아니다` is none of it)."""
    verbs = [word for word in _ENDS_IN_DA.findall(text) if not word.endswith(_NO_VERBS)]
    formal = [w for w in verbs if w.endswith("니다") and final_consonant(w[-3:][0]) == PIEUP]
    return [word for word in verbs if word not in formal], formal


def test_korean_texts_have_no_turns_of_english() -> None:
    found = {key: offences(text) for key, text in korean_texts().items()}
    assert {key: o for key, o in found.items() if o} == {}


def test_the_catalogue_keeps_one_level_of_speech() -> None:
    told = {
        k: levels(text)[0] for k, text in entries("ko").items() if not k.startswith(PLAIN_SPEECH)
    }
    assert {key: plainly for key, plainly in told.items() if plainly} == {}


def test_sources_of_limits_keep_one_level_of_speech() -> None:
    """They stand in parentheses after a number: 한다체."""
    plainly, formally = levels(korean_texts()["thresholds_ko.toml"])
    assert len(plainly) > 10
    assert formally == []


def test_reasons_are_sentences_of_the_same_level() -> None:
    reasons = {key: text for key, text in entries("ko").items() if REASONS.search(key)}
    assert len(reasons) > 100
    assert {key: text for key, text in reasons.items() if not _REASON_END.search(text)} == {}


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("범위는 0 ~ 1이고 그 다음은 2입니다.", 2),
        ("가중치에 {factor}배를 곱해 상쇄합니다.", 1),
        ("옵티마이저에 의해 업데이트되어집니다.", 2),
        ("모델이 두 층을 가지고 있고, 출력에서의 값을 알수 없습니다.", 3),
        ("손실 함수에 확률이 입력됨을 알려 주세요.", 1),
        ("값이 큽니다; 줄이세요.", 1),
        ("규칙을 설명합니다: 이유, 예.", 1),
        (
            "파일을 찾을 수 없습니다: {path}. 0~1, 필요할 때 알 수 있고, 횟수 있음, 되어 있습니다.",
            0,
        ),
        ("```\n값 ~ 1\n```\n[그다음](그 다음.md)", 0),
    ],
)
def test_the_lint_finds_what_it_should(text: str, count: int) -> None:
    assert len(offences(text)) == count


def test_a_change_of_level_would_be_noticed() -> None:
    plainly, formally = levels("층이 없다. 층마다. 원인이 아니다(관례). 값이 다릅니다. 됩니다")
    assert plainly == ["없다", "아니다"]
    assert formally == ["다릅니다", "됩니다"]


def test_lists_of_clauses_have_semicolons_in_english_and_commas_in_korean() -> None:
    changes = tuple(
        Message("errors.sweep.study.change", {"name": name, "before": 1, "now": 2})
        for name in ("depth", "width")
    )
    facts = {"path": "runs", "changes": changes}
    assert "depth was 1, now 2; width was 1, now 2" in sentence(
        "errors.sweep.study.plan_changed", "en", **facts
    )
    assert "depth: 1 → 2, width: 1 → 2" in sentence(
        "errors.sweep.study.plan_changed", "ko", **facts
    )


@pytest.mark.parametrize(
    ("seconds", "english", "korean"),
    [
        (42, "42 s", "42초"),
        (420, "7 min", "7분"),
        (9000, "2.5 h", "2.5시간"),
        (432_000, "5 days", "5일"),
    ],
)
def test_durations_are_in_the_language_of_the_command(
    monkeypatch: pytest.MonkeyPatch, seconds: float, english: str, korean: str
) -> None:
    for lang, said in (("en", english), ("ko", korean)):
        monkeypatch.setattr("gradgauge.cli.language._current", Catalog(lang))
        assert duration(seconds) == said
