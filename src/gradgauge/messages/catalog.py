"""The catalogue of sentences: one key, one sentence a language.

A key is `table.entry`. Placeholders are named (`{layer}`). Korean sentences are phrased so
that no particle depends on what a placeholder holds. A test holds all languages complete
and their placeholders equal.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, NamedTuple

from gradgauge.messages.clean import clean
from gradgauge.messages.figure import Word

LANGUAGES = ("en", "ko")
DEFAULT_LANGUAGE = "en"

_FOLDER = Path(__file__).parent


@functools.cache
def entries(lang: str) -> dict[str, str]:
    """All sentences of a language, flat: `errors.data.missing` -> sentence."""
    flat: dict[str, str] = {}
    for path in _texts(lang):
        for key, text in _read(path).items():
            if key in flat:
                raise KeyError(f"catalogue: {key} stands in two files")
            flat[key] = text
    return flat


@functools.cache
def _with_table(lang: str, table: str) -> dict[str, str]:
    """The sentences of the files that a table stands in: parsing all of them takes 10 ms or more."""
    header = re.compile(rf"^\[{re.escape(table)}[\].]", re.MULTILINE)
    flat: dict[str, str] = {}
    for path, text in _texts(lang).items():
        if header.search(text):
            flat |= _read(path)
    return flat


@functools.cache
def _texts(lang: str) -> dict[Path, str]:
    return {
        path: path.read_text(encoding="utf-8") for path in sorted((_FOLDER / lang).glob("*.toml"))
    }


@functools.cache
def _read(path: Path) -> dict[str, str]:
    flat: dict[str, str] = {}
    _flatten(tomllib.loads(_texts(path.parent.name)[path]), "", flat)
    return flat


def _flatten(table: dict[str, Any], prefix: str, into: dict[str, str]) -> None:
    for name, value in table.items():
        key = f"{prefix}{name}"
        if isinstance(value, dict):
            _flatten(value, f"{key}.", into)
        else:
            into[key] = value


@dataclass(frozen=True)
class Catalog:
    """The sentences of one language, which is said once: `say = Catalog("ko")`, `say("list.none")`.

    Attributes:
        lang: `en` or `ko`.
    """

    lang: str = DEFAULT_LANGUAGE

    def __call__(self, key: str, **facts: Any) -> str:
        """The sentence of a key; see `sentence`."""
        return sentence(key, self.lang, **facts)

    def __contains__(self, key: str) -> bool:
        return key in _with_table(self.lang, _table_of(key))


class Message(NamedTuple):
    """A sentence that is not in words yet: its key, and the facts that fill its placeholders.

    A fact may be a Message itself, or a tuple of them.
    """

    key: str
    facts: Mapping[str, Any]


def sentence(key: str, lang: str = DEFAULT_LANGUAGE, **facts: Any) -> str:
    """The sentence of `key` in `lang`, its placeholders filled with `facts`.

    A fact that is a Message is said in the same language; several are listed.

    Raises:
        KeyError: no such key or language, or a placeholder without a fact: a mistake of ours.
    """
    said = _with_table(lang, _table_of(key))[key]
    return said.format(**{name: _said(fact, lang) for name, fact in facts.items()})


def listed(items: Iterable[str], lang: str = DEFAULT_LANGUAGE) -> str:
    """Items that may be clauses, in a row: semicolons between them in English, commas in Korean."""
    return sentence("between.items", lang).join(items)


def _table_of(key: str) -> str:
    return key.partition(".")[0]


def _said(fact: Any, lang: str) -> Any:
    if isinstance(fact, Message):
        return sentence(fact.key, lang, **fact.facts)
    if isinstance(fact, tuple) and any(isinstance(part, Message) for part in fact):
        return listed((str(_said(part, lang)) for part in fact), lang)
    if isinstance(fact, Word):
        return Word(clean(fact))
    return clean(str(fact)) if isinstance(fact, str | PurePath) else fact
