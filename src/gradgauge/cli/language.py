"""The language of this command line, known before any option is parsed."""

from __future__ import annotations

import os
from collections.abc import Sequence

from gradgauge.errors import UnknownName
from gradgauge.messages.catalog import DEFAULT_LANGUAGE, LANGUAGES, Catalog

VARIABLE = "GRADGAUGE_LANG"

_current = Catalog()


def choose(arguments: Sequence[str]) -> None:
    """Take the language from `--lang`, else $GRADGAUGE_LANG, else the system's, else English.

    Help texts and errors of the parser itself need it before the parser runs.

    Raises:
        UnknownName: no such language.
    """
    global _current
    _current = Catalog()
    wanted = os.environ.get(VARIABLE) or _of_system()
    for at, argument in enumerate(arguments):
        if argument == "--lang" and at + 1 < len(arguments):
            wanted = arguments[at + 1]
        elif argument.startswith("--lang="):
            wanted = argument.partition("=")[2]
    if wanted.lower() not in LANGUAGES:
        raise UnknownName("lang", wanted, LANGUAGES)
    _current = Catalog(wanted.lower())


def _of_system() -> str:
    """The first language that the system's locale names and we speak, else English."""
    for variable in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if locale := os.environ.get(variable):
            spoken = locale.partition("_")[0].partition(".")[0].lower()
            return spoken if spoken in LANGUAGES else DEFAULT_LANGUAGE
    return DEFAULT_LANGUAGE


def current() -> str:
    """The chosen language."""
    return _current.lang


def text(key: str, **facts: object) -> str:
    """A sentence of the catalogue in the chosen language."""
    return _current(key, **facts)
