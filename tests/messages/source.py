"""What the source says about catalogue keys: literals, patterns and the arguments of errors."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

import gradgauge

SOURCE = Path(gradgauge.__file__).parent
_PAGE = SOURCE / "play" / "page"
_OF_PAGE = "play.page."
"""The table that the live page's scripts read; they leave this prefix out."""


@functools.cache
def trees() -> dict[Path, ast.Module]:
    return {path: ast.parse(path.read_text(encoding="utf-8")) for path in SOURCE.rglob("*.py")}


def nodes() -> Iterator[tuple[Path, ast.AST]]:
    for path, tree in trees().items():
        for node in ast.walk(tree):
            yield path, node


@functools.cache
def _scripts() -> str:
    files = [*_PAGE.glob("*.js"), *_PAGE.glob("*.html")]
    return "\n".join(path.read_text(encoding="utf-8") for path in files)


def _script_literals() -> frozenset[str]:
    """Every string constant of the live page's scripts, and of its markup."""
    return frozenset(re.findall(r'"([\w.-]+)"', _scripts()))


def _script_templates() -> frozenset[str]:
    """Every template string there that may be a key, as a pattern."""
    found = re.findall(r"`([\w.]+\.\$\{[^`]*)`", _scripts())
    texts = [re.split(r"\$\{[^}]*\}", text) for text in found]
    return frozenset(re.escape(_OF_PAGE) + "(.*)".join(map(re.escape, pieces)) for pieces in texts)


@functools.cache
def literals() -> frozenset[str]:
    """Every string constant, those inside f-strings left out."""
    return _python_literals() | {_OF_PAGE + text for text in _script_literals()}


@functools.cache
def _python_literals() -> frozenset[str]:
    inside = {
        id(part) for _, node in nodes() if isinstance(node, ast.JoinedStr) for part in node.values
    }
    return frozenset(
        node.value
        for _, node in nodes()
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside
    )


@functools.cache
def words() -> frozenset[str]:
    """What may fill a pattern: literals as they are and as options and arms turn them into keys
    (`--dry-run` -> dry_run), the source's identifiers (a field's name), and the comments that lines
    to write into a program ask for (`# @key`)."""
    found = {*_python_literals(), *_script_literals(), *"12345"}
    found |= {key for text in _python_literals() for key in re.findall(r"# @(\w+)", text)}
    for _, node in nodes():
        for field in ("id", "attr", "arg", "name"):
            value = getattr(node, field, None)
            if isinstance(value, str):
                found.add(value)
    found |= {w.lstrip("-").replace("-", "_").replace(" ", "_").lower() for w in found}
    return frozenset(found)


@functools.cache
def _f_strings() -> frozenset[str]:
    """Every f-string as a pattern: `f"kind.{kind}"` -> kind\\.(.*)."""
    found = set()
    for _, node in nodes():
        if isinstance(node, ast.JoinedStr):
            pieces = [
                re.escape(str(part.value)) if isinstance(part, ast.Constant) else "(.*)"
                for part in node.values
            ]
            found.add("".join(pieces))
    return frozenset(found)


@functools.cache
def patterns() -> tuple[re.Pattern[str], ...]:
    """Those that may be a key: they begin with a table's name."""
    keys = [text for text in sorted(_f_strings()) if re.match(r"[a-z_]+\\\.", text)]
    keys += sorted(_script_templates())
    return tuple(re.compile(text + r"\Z") for text in keys)


@functools.cache
def parts() -> tuple[re.Pattern[str], ...]:
    """Those that may be a key's last part: `f"reach_{case}"`."""
    ends = [text for text in sorted(_f_strings()) if re.fullmatch(r"[a-z]{3,}_\(\.\*\)", text)]
    return tuple(re.compile(text + r"\Z") for text in ends)


def calls(name: str) -> Iterator[tuple[Path, ast.Call]]:
    """Calls of a class or function of that name."""
    for path, node in nodes():
        if isinstance(node, ast.Call):
            called = node.func
            own = called.id if isinstance(called, ast.Name) else getattr(called, "attr", None)
            if own == name:
                yield path, node


def constant_argument(call: ast.Call, place: int, keyword: str) -> str | None:
    """A call's argument, if it is a string constant."""
    node: ast.expr | None = call.args[place] if place < len(call.args) else None
    for given in call.keywords:
        if given.arg == keyword:
            node = given.value
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None
