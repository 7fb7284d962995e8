"""ARCHITECTURE.md speaks of this tree: every path that it names is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "gradgauge"
TEXT = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")


def named() -> list[str]:
    """Words with a slash or a file's ending, in backticks or in the picture."""
    spans = re.findall(r"```\n(.*?)```|`([^`\n]+)`", TEXT, flags=re.DOTALL)
    words = {word for block, span in spans for word in re.split(r"[\s(),:]+", block or span)}
    return sorted(w for w in words if re.fullmatch(r"[\w./*-]+", w) and is_path(w))


def is_path(word: str) -> bool:
    """A folder or a file; `dLoss/dW` is a derivative."""
    if re.fullmatch(r"d[A-Z]\w*/d[A-Z]", word):
        return False
    return "/" in word or word.endswith((".py", ".md", ".toml", ".js"))


def files(word: str) -> list[Path]:
    return [found for root in (SOURCE, ROOT) for found in root.glob(word.rstrip("/"))]


def defined(path: Path) -> set[str]:
    """What a module defines at its top level: what it imports lives elsewhere."""
    names = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names.update(target.id for target in targets if isinstance(target, ast.Name))
    return names


@pytest.mark.parametrize("word", named())
def test_what_is_named_is_there(word):
    if files(word):
        return
    module, _, name = word.rpartition(".")  # `engine/history.schedule`: a name in a module
    assert files(f"{module}.py"), word
    assert name in defined(files(f"{module}.py")[0]), word


def test_ten_steps_lead_from_a_layer_to_the_page():
    way = TEXT.partition("## How one value reaches the report")[2].partition("\n## ")[0]
    steps = re.findall(r"^(\d+)\. (.*?)(?=^\d+\. |\Z)", way, flags=re.DOTALL | re.MULTILINE)
    assert [int(number) for number, _ in steps] == list(range(1, 11))
    assert all(re.search(r"`[\w/]+\.py`", text) for _, text in steps)


def rows() -> dict[str, tuple[str, str]]:
    """What one might add -> the path that it begins with, and what belongs to it."""
    table = TEXT.partition("## Where would I add")[2].partition("\n## ")[0]
    cells = [line.strip("|").split("|") for line in table.splitlines() if line.startswith("| ")]
    return {what.strip(): (path.strip(), rest.strip()) for what, path, rest in cells[1:]}


@pytest.mark.parametrize(
    "what", ["gauge", "rule", "remedy", "framework", "tracker", "chart", "paper"]
)
def test_each_addition_has_one_path(what):
    path, _ = rows()[what]
    assert re.fullmatch(r"`[^`]+`", path), path
    assert files(path.strip("`"))
