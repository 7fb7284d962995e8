"""The mistakes a user can make, one class a kind, each carrying its facts.

    GradgaugeError
      UnknownName        a name that is not in a list (activation, preset, command...)
      InvalidValue       a value outside what its field takes
      InvalidNotation    a network's one-line notation that cannot be read
      DataProblem        a data file or array that cannot be used
      OutputProblem      a folder or file that cannot be written
      RunFileProblem     a saved Run that cannot be read
      MissingExtra       an optional dependency that is not installed

The sentences, in every language, live in the catalogue (`messages/`); tests
assert on the facts. `cli/app.py` alone turns an error into stderr and an exit code.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from gradgauge.messages.catalog import sentence

EXIT_WRONG_USE = 2


class GradgaugeError(Exception):
    """A mistake that the user can mend. `sentence(lang)` says what, where and what to do."""

    def message(self) -> tuple[str, dict[str, Any]]:
        """The catalogue's key and the facts that fill its placeholders."""
        raise NotImplementedError

    def sentence(self, lang: str = "en") -> str:
        key, facts = self.message()
        return sentence(key, lang, **facts)

    def __str__(self) -> str:
        return self.sentence()


class UnknownName(GradgaugeError):
    """A name that stands in no list.

    Args:
        kind: what it should have named: a key of the catalogue's `kind` table.
        name: what was written.
        known: the names that would have been right.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str]):
        self.kind, self.name, self.known = kind, name, sorted(known)
        close = difflib.get_close_matches(name.lower(), self.known, n=1, cutoff=0.6)
        self.nearest = close[0] if close else None
        super().__init__(kind, name)

    def sentence(self, lang: str = "en") -> str:
        key = "errors.unknown_name.nearest" if self.nearest else "errors.unknown_name.list"
        return sentence(
            key,
            lang,
            kind=sentence(f"kind.{self.kind}", lang),
            name=self.name,
            nearest=self.nearest,
            known=", ".join(self.known),
        )


class InvalidValue(GradgaugeError):
    """A field's value outside what the field takes.

    Args:
        field: the field as the user spells it (`depth`, `learning_rate`).
        value: what was given.
        requirement: a key of the catalogue's `requirement` table.
        facts: what fills the requirement's placeholders.
    """

    def __init__(self, field: str, value: object, requirement: str, **facts: object):
        self.field, self.value, self.requirement, self.facts = field, value, requirement, facts
        super().__init__(field, value, requirement)

    def sentence(self, lang: str = "en") -> str:
        return sentence(
            "errors.invalid_value",
            lang,
            field=self.field,
            value=self.value,
            requirement=sentence(f"requirement.{self.requirement}", lang, **self.facts),
        )


class InvalidNotation(GradgaugeError):
    """A network's notation that cannot be read.

    Args:
        text: the whole notation.
        position: where in it the reading stopped, counted from 0.
        reason: a key of the catalogue's `errors.notation` table.
    """

    def __init__(self, text: str, position: int, reason: str, **facts: object):
        self.text, self.position, self.reason, self.facts = text, position, reason, facts
        super().__init__(text, position, reason)

    def sentence(self, lang: str = "en") -> str:
        return sentence(
            "errors.notation.frame",
            lang,
            text=self.text,
            column=self.position + 1,
            here=self.text[self.position : self.position + 20] or "…",
            reason=sentence(f"errors.notation.{self.reason}", lang, **self.facts),
        )


class _FileProblem(GradgaugeError):
    """Something wrong with a file or folder: its path, a reason from the catalogue, facts."""

    table: str

    def __init__(self, path: Path | str, reason: str, **facts: object):
        self.path, self.reason, self.facts = str(path), reason, facts
        super().__init__(self.path, reason)

    def message(self) -> tuple[str, dict[str, Any]]:
        return f"errors.{self.table}.{self.reason}", {"path": self.path, **self.facts}


class DataProblem(_FileProblem):
    """A data file, or arrays named by `path`, that cannot be trained on."""

    table = "data"


class OutputProblem(_FileProblem):
    """A folder or file that cannot be written."""

    table = "output"


class RunFileProblem(_FileProblem):
    """A saved Run that cannot be read."""

    table = "run_file"


class MissingExtra(GradgaugeError):
    """An optional dependency that is not installed; says the pip line to type."""

    def __init__(self, feature: str, extra: str):
        self.feature, self.extra = feature, extra
        super().__init__(feature, extra)

    def message(self) -> tuple[str, dict[str, Any]]:
        return "errors.missing_extra", {"feature": self.feature, "extra": self.extra}
