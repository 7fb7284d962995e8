"""The catalogue: complete in every language, used in full, and asked for nothing it lacks."""

from __future__ import annotations

import re
import string
import tomllib

import pytest

from gradgauge import errors
from gradgauge.messages import catalog
from gradgauge.messages.catalog import LANGUAGES, entries, sentence
from tests.messages.source import calls, constant_argument, literals, parts, patterns, words


def placeholders(text: str) -> set[tuple[str, str | None]]:
    """Names and how they are written: `{value:%}` is a share in every language, or in none."""
    return {(name, spec) for _, name, spec, _ in string.Formatter().parse(text) if name is not None}


def test_every_language_has_every_sentence() -> None:
    for lang in LANGUAGES:
        assert set(entries(lang)) == set(entries("en")), lang


@pytest.mark.parametrize("lang", LANGUAGES)
def test_placeholders_are_named_and_the_same_in_every_language(lang: str) -> None:
    english = entries("en")
    for key, text in entries(lang).items():
        assert placeholders(text) == placeholders(english[key]), key
        assert all(name for name, _ in placeholders(text)), key


@pytest.mark.parametrize("lang", LANGUAGES)
def test_files_are_named_alike_and_no_key_stands_twice(lang: str) -> None:
    """Keys are spread over files: a table may stand in several, a key in one."""
    folder = catalog._FOLDER
    names = {path.name for path in (folder / lang).glob("*.toml")}
    assert names == {path.name for path in (folder / "en").glob("*.toml")}
    seen: dict[str, str] = {}
    for name in names:
        table = tomllib.loads((folder / lang / name).read_text(encoding="utf-8"))
        flat: dict[str, str] = {}
        catalog._flatten(table, "", flat)
        for key in flat:
            assert key not in seen, (key, name, seen.get(key))
            seen[key] = name


def test_korean_is_korean() -> None:
    """A sentence without a Hangul syllable is one that nobody translated: but for symbols."""
    for key, text in entries("ko").items():
        bare = re.sub(r"\{[^}]*\}|`[^`]*`", "", text)
        if re.search(r"[A-Za-z]{4,} [A-Za-z]{3,} [A-Za-z]{3,}", bare):
            assert re.search(r"[가-힣]", bare), key


def test_no_korean_particle_depends_on_a_placeholder() -> None:
    """`{name}을` or `{name}를`: which is right depends on what stands there. In parentheses it does
    not matter: `정규화({norm})가` goes by 정규화. A share ends in %, which is read 퍼센트."""
    dependent = re.compile(r"(?<!:%)\}['\"`]*(은|는|이|가|을|를|과|와|으로|로)(?=[\s,.]|\Z)")
    assert [key for key, text in entries("ko").items() if dependent.search(text)] == []


def is_used(key: str) -> bool:
    """The key stands in the source, or is what an f-string there makes of words found there."""
    if key in literals():
        return True
    for pattern in patterns():
        match = pattern.match(key)
        if match and all(is_made(group) for group in match.groups()):
            return True
    return False


def is_made(group: str) -> bool:
    """Whether the source can make this part of a key: a word of it, words joined, or a pattern."""
    if group in words() or all(part in words() for part in re.split(r"\.|_and_", group)):
        return True
    return any(pattern.match(group) for pattern in parts())


def test_every_sentence_is_used() -> None:
    assert [key for key in entries("en") if not is_used(key)] == []


def test_a_sentence_nobody_uses_would_be_noticed() -> None:
    assert not is_used("errors.data.no_such_reason_anywhere")
    assert not is_used("errors.data.missing.zzz")
    assert not is_used("progress.zzz")


def asked_for() -> dict[str, str]:
    """Keys that the source asks for by a constant -> where."""
    found: dict[str, str] = {}

    def note(path, call, key: str) -> None:
        found[key] = f"{path.name}:{call.lineno}"

    for name in ("sentence", "text"):
        for path, call in calls(name):
            key = constant_argument(call, 0, "key")
            if key and re.fullmatch(r"[a-z_]+(\.[a-z_0-9]+)+", key):
                note(path, call, key)
    tables = {
        "InvalidValue": ("requirement", 2, "requirement"),
        "InvalidNotation": ("errors.notation", 2, "reason"),
        "UnknownName": ("kind", 0, "kind"),
        "DataProblem": ("errors.data", 1, "reason"),
        "OutputProblem": ("errors.output", 1, "reason"),
        "RunFileProblem": ("errors.run_file", 1, "reason"),
        "StudyProblem": ("errors.sweep.study", 1, "reason"),
        "PlanProblem": ("errors.sweep.plan", 2, "reason"),
        "ChartProblem": ("errors.sweep.chart", 0, "reason"),
        "OutcomeProblem": ("errors.sweep.outcome", 1, "reason"),
        "ModelProblem": ("errors.model", 1, "reason"),
        "CannotWatch": ("errors.watch", 0, "reason"),
        "CannotDiagnose": ("errors.diagnose", 0, "reason"),
    }
    for name, (table, place, keyword) in tables.items():
        for path, call in calls(name):
            entry = constant_argument(call, place, keyword)
            if entry:
                note(path, call, f"{table}.{entry}")
    return found


def test_every_sentence_that_is_asked_for_exists() -> None:
    asked = asked_for()
    assert len(asked) > 60
    assert {key: where for key, where in asked.items() if key not in entries("en")} == {}


def test_a_fact_too_few_is_our_mistake_and_is_raised() -> None:
    with pytest.raises(KeyError):
        sentence("errors.data.missing")
    with pytest.raises(KeyError):
        sentence("no.such.key")


def test_an_unknown_name_suggests_the_nearest_or_lists_what_there_is() -> None:
    near = errors.UnknownName("activation", "rleu", ["relu", "selu"])
    far = errors.UnknownName("preset", "zzz", ["practical"])
    assert near.nearest == "relu"
    assert "'relu'" in near.sentence()
    assert far.nearest is None
    assert "practical" in far.sentence()
