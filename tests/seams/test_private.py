"""A leading underscore means private to its package: nobody else imports it.

`gradgauge/datasets/_split.py` is for `gradgauge.datasets` and what lies below. Tests may reach into
the package whose folder they mirror. (import-linter names modules, not a kind of them.)
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = {"src/gradgauge": "gradgauge", "tests": "tests", "corpus": "corpus"} | {
    name: name for name in ("benchmarks", "examples")
}


def modules() -> Iterator[tuple[Path, list[str], ast.Module]]:
    """Every file, the package that it stands in, and its tree."""
    for folder, package in FOLDERS.items():
        for path in sorted((ROOT / folder).rglob("*.py")):
            within = path.relative_to(ROOT / folder).parent.parts
            yield path, [package, *within], ast.parse(path.read_text(encoding="utf-8"))


def imported(tree: ast.Module, package: list[str]) -> Iterator[list[str]]:
    """Everything that is imported, as dotted paths in pieces."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            source = above + (node.module.split(".") if node.module else [])
            yield from ([*source, alias.name] for alias in node.names)


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def test_nobody_imports_what_is_private_to_another_package():
    wrong = []
    for path, package, tree in modules():
        home = ["gradgauge", *package[1:]] if package[0] == "tests" else package
        for pieces in imported(tree, package):
            if pieces[0] not in FOLDERS.values():
                continue
            private = next((at for at, name in enumerate(pieces) if is_private(name)), None)
            if private is None:
                continue
            owner = pieces[:private]
            if (ROOT / "src").joinpath(*owner[:-1], f"{owner[-1]}.py").exists():
                owner = owner[:-1]  # A name in a module: it is the module's package's.
            if home[: len(owner)] != owner:
                wrong.append(f"{path.relative_to(ROOT)}: {'.'.join(pieces)}")
    assert not wrong


def test_no_name_is_taken_from_a_module_that_keeps_it_to_itself():
    """`from module import _name`: shared within a package is a module's business, not a name's."""
    wrong = []
    for path, package, tree in modules():
        if package[0] != "gradgauge":
            continue
        known = ROOT / "src"
        for pieces in imported(tree, package):
            is_module = known.joinpath(*pieces).is_dir() or (
                known.joinpath(*pieces[:-1], f"{pieces[-1]}.py").exists()
            )
            if pieces[0] == "gradgauge" and is_private(pieces[-1]) and not is_module:
                wrong.append(f"{path.relative_to(ROOT)}: {'.'.join(pieces)}")
    assert not wrong
