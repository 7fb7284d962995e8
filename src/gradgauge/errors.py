"""Mistakes that a user can make, with one class per kind. Each carries its facts.

    GradgaugeError
      UnknownName        a name that is not in a list (activation, preset, command...)
      InvalidValue       a value that its field does not accept
      InvalidNotation    a network's one-line notation that cannot be read
      MissingExtra       an optional dependency that is not installed
      TooLarge           a network that does not fit into free memory
      Problem            a problem with one of several reasons
        CommandProblem     ... with what was typed as a command
        FileProblem        ... with a file or folder
          DataProblem        a data file or array that cannot be used
          OutputProblem      a folder or file that cannot be written
          RunFileProblem     a saved Run that cannot be read

The sentences, in every language, are in the catalog (`messages/`); tests assert on
the facts. Only `cli/app.py` turns an error into stderr and an exit code.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from numbers import Number
from pathlib import Path
from typing import Any, ClassVar, Self

from gradgauge.messages.catalog import Message, sentence

EXIT_WRONG_USE = 2

_BREAKS = re.compile(r"\s*[\t\r\n]\s*")

_ALIKE = 0.65
"""Share of letters that two names have in common, in one order, to be taken for a misspelling."""

_SHOWN_LETTERS = 200
"""How much of a value that is no number is kept: an array of a user's is not his sentence."""


class GradgaugeError(Exception):
    """A problem that the user can solve. `sentence(lang)` says what is wrong, where, and what to do.

    Its facts are the keyword arguments, kept as immutable attributes that can be passed between
    processes: numbers, strings, and tuples and mappings of them; anything else as a string.
    """

    def __init__(self, **facts: object):
        super().__init__()
        vars(self).update({name: _kept(fact) for name, fact in facts.items()})

    def message(self) -> Message:
        """The catalog's key, and the values for the placeholders."""
        raise NotImplementedError

    def sentence(self, lang: str = "en") -> str:
        """What is wrong, where, and what to do, in one of the supported languages. Always a single
        line, even if a fact has several."""
        key, facts = self.message()
        return _BREAKS.sub(" ", sentence(key, lang, **facts))

    def __str__(self) -> str:
        return self.sentence()

    def __repr__(self) -> str:
        facts = ", ".join(f"{name}={fact!r}" for name, fact in self._facts().items())
        return f"{type(self).__name__}({facts})"

    def _facts(self) -> dict[str, Any]:
        return {name: fact for name, fact in vars(self).items() if not name.startswith("__")}

    def __setattr__(self, name: str, value: object) -> None:
        """Facts stay as they are; what Python notes on an exception (`__notes__`) may change."""
        if not name.startswith("__"):
            raise AttributeError(f"{type(self).__name__} is frozen")
        super().__setattr__(name, value)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, GradgaugeError)
            and type(self) is type(other)
            and self._facts() == other._facts()
        )

    def __hash__(self) -> int:
        return hash((type(self), self.message().key))

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (type(self), self._facts())


def _again(kind: type[GradgaugeError], facts: dict[str, Any]) -> GradgaugeError:
    """An error that has crossed a process, or was copied."""
    error = kind.__new__(kind)
    vars(error).update(facts)
    return error


def _kept(fact: Any) -> Any:
    """A fact that can be compared and pickled: what it says, not the object that says it."""
    if fact is None or isinstance(fact, (Number, str, Message, GradgaugeError)):
        return fact
    if isinstance(fact, Mapping):
        return {name: _kept(value) for name, value in fact.items()}
    if isinstance(fact, (tuple, list)):
        return tuple(_kept(value) for value in fact)
    text = " ".join(str(fact).split())
    return text if len(text) <= _SHOWN_LETTERS else f"{text[:_SHOWN_LETTERS]}…"


class GradgaugeWarning(UserWarning):
    """A one-sentence warning that does not stop anything.

    Args:
        key: a key of the catalog.
        facts: values for the placeholders.
    """

    said: Message

    def __init__(self, key: str, **facts: object):
        self.said = Message(key, {name: _kept(fact) for name, fact in facts.items()})
        super().__init__(sentence(key, **self.said.facts))

    def sentence(self, lang: str = "en") -> str:
        """The sentence in one of the supported languages."""
        return sentence(self.said.key, lang, **self.said.facts)


class UnknownName(GradgaugeError):
    """An unknown name.

    Args:
        kind: the kind of thing it should name, a key of the catalog's `kind` table.
        name: the unknown name.
        known: the valid names.
    """

    kind: str
    name: str
    known: tuple[str, ...]
    nearest: str | None

    def __init__(self, kind: str, name: str, known: Iterable[str]):
        names = sorted(known)
        super().__init__(kind=kind, name=name, known=names, nearest=nearest(name, names))

    def message(self) -> Message:
        """See GradgaugeError."""
        return Message(
            f"errors.unknown_name.{'nearest' if self.nearest else 'list'}",
            {
                "kind": Message(f"kind.{self.kind}", {}),
                "name": self.name,
                "nearest": self.nearest,
                "known": ", ".join(self.known),
            },
        )


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The name in `known` that was probably meant: one spelled alike or with these initials."""
    bare = {one.lower().replace("-", "_").strip("_"): one for one in known}
    wanted = str(name).lower().replace("-", "_").strip("_")
    for spelled, one in bare.items():
        words = spelled.split("_")
        if len(words) > 1 and wanted == "".join(word[:1] for word in words):
            return one
    close = difflib.get_close_matches(wanted, bare, n=1, cutoff=_ALIKE)
    return bare[close[0]] if close else None


class InvalidValue(GradgaugeError):
    """A value that its field does not accept.

    Args:
        field: the field as the user spells it (`depth`, `learning_rate`).
        value: the given value.
        requirement: a key of the catalog's `requirement` table.
        facts: values for the placeholders of the requirement.
    """

    field: str
    value: Any
    requirement: str
    facts: Mapping[str, Any]

    def __init__(self, field: str, value: object, requirement: str, **facts: object):
        super().__init__(field=field, value=value, requirement=requirement, facts=facts)

    def message(self) -> Message:
        """See GradgaugeError."""
        return Message(
            "errors.invalid_value",
            {
                "field": self.field,
                "value": self.value,
                "requirement": Message(f"requirement.{self.requirement}", self.facts),
            },
        )


class InvalidNotation(GradgaugeError):
    """A network's notation that cannot be read.

    Args:
        text: the whole notation.
        position: where reading stopped, counted from 0.
        reason: a key of the catalog's `errors.notation` table.
    """

    text: str
    position: int
    reason: str
    facts: Mapping[str, Any]

    def __init__(self, text: str, position: int, reason: str, **facts: object):
        super().__init__(text=text, position=position, reason=reason, facts=facts)

    def message(self) -> Message:
        """See GradgaugeError."""
        return Message(
            "errors.notation.frame",
            {
                "text": self.text,
                "column": self.position + 1,
                "here": self.text[self.position : self.position + 20] or "…",
                "reason": Message(f"errors.notation.{self.reason}", self.facts),
            },
        )


class MissingExtra(GradgaugeError):
    """An optional dependency that is not installed. The message gives the pip command."""

    feature: str
    extra: str

    def __init__(self, feature: str, extra: str):
        super().__init__(feature=feature, extra=extra)

    def message(self) -> Message:
        """See GradgaugeError."""
        return Message("errors.missing_extra", {"feature": self.feature, "extra": self.extra})


class TooLarge(GradgaugeError):
    """A network that does not fit into this machine's memory.

    Args:
        notation: the network.
        needs, has: bytes.
    """

    notation: str
    needs: float
    has: float

    def __init__(self, notation: str, needs: float, has: float):
        super().__init__(notation=notation, needs=float(needs), has=float(has))

    def message(self) -> Message:
        """See GradgaugeError."""
        return Message(
            "errors.too_large",
            {
                "notation": self.notation,
                "needs": f"{self.needs / 1e9:.1f}",
                "has": f"{self.has / 1e9:.1f}",
            },
        )


class Problem(GradgaugeError):
    """A problem with one of several reasons.

    Args:
        reason: a key of the catalog's `errors.TABLE`, where each class has its own TABLE.
        facts: values for the placeholders.
    """

    table: ClassVar[str]
    reason: str
    facts: Mapping[str, Any]

    def __init__(self, reason: str, **facts: object):
        super().__init__(reason=reason, facts=facts)

    def message(self) -> Message:
        """See GradgaugeError."""
        return Message(f"errors.{self.table}.{self.reason}", dict(self.facts))


class CommandProblem(Problem):
    """An unknown or misplaced command."""

    table = "command"


class FileProblem(Problem):
    """A problem with a file or folder, with its path, a reason from the catalog, and facts."""

    path: str

    def __init__(self, path: Path | str, reason: str, **facts: object):
        GradgaugeError.__init__(self, path=str(path), reason=reason, facts=facts)

    def message(self) -> Message:
        """See GradgaugeError."""
        return Message(f"errors.{self.table}.{self.reason}", {"path": self.path, **self.facts})


class DataProblem(FileProblem):
    """A data file, or arrays named by `path`, that cannot be used for training."""

    table = "data"


class OutputProblem(FileProblem):
    """A folder or file that cannot be written."""

    table = "output"

    @classmethod
    def of(cls, path: Path | str, error: OSError | ValueError) -> Self:
        """The system's message; for a name with a NUL (a ValueError), Python's message."""
        return cls(path, "not_writable", why=getattr(error, "strerror", None) or error)


class RunFileProblem(FileProblem):
    """A saved Run that cannot be read."""

    table = "run_file"
