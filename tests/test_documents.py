"""The Python that docstrings and documents print: it runs, and names what there is."""

from __future__ import annotations

import ast
import doctest
import functools
import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

import gradgauge as gg
from tests.own.functions import make_keras, make_pytorch, points

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "gradgauge"
WITH_EXAMPLES = sorted(p for p in SOURCE.rglob("*.py") if ">>>" in p.read_text("utf-8"))
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts).removesuffix(".__init__")


@pytest.mark.parametrize("path", WITH_EXAMPLES, ids=module_of)
def test_a_docstrings_example_shows_what_it_says(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = vars(importlib.import_module(module_of(path)))
    runner, parser = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS), doctest.DocTestParser()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module):
            text = ast.get_docstring(node) or ""
            runner.run(parser.get_doctest(text, dict(names), path.stem, str(path), 0))
    results = runner.summarize()
    assert results.attempted
    assert not results.failed


def blocks(path: Path) -> list[str]:
    """What a document prints as Python, without the blocks that are sessions: `docs/theory.md`."""
    found = _BLOCK.findall(path.read_text("utf-8"))
    return [block for block in found if not block.startswith(">>>")]


WITH_PYTHON = [path for path in DOCUMENTS if blocks(path)]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder, where what the documents compare is small."""
    monkeypatch.chdir(tmp_path)
    small = functools.partial(gg.compare, dataset="blobs", depth=3)
    monkeypatch.setattr(gg, "compare", small, raising=False)
    return tmp_path


def train(model: torch.nn.Module, batches) -> None:
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    for x, y in batches:
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()


@pytest.mark.parametrize("name", ["README.md", "README.ko.md"])
def test_the_readme_runs(name, here):
    """As printed, with a loop of one's own where it has three dots."""
    (block,) = blocks(ROOT / name)
    dots = "    ...\n"
    assert block.count(dots) == 1
    _, model, _ = make_pytorch()
    x, y = (torch.as_tensor(values) for values in points())
    space = {"model": model, "train": train, "batches": [(x, y)] * 3}
    exec(block.replace(dots, "    train(model, batches)\n"), space)
    assert (here / "report.html").is_file()
    page = (here / "watch.html").read_text("utf-8")
    assert "class Sequential" not in page and "tanh" in page


@pytest.fixture
def saved(here):
    """What `gradgauge compare relu sigmoid` leaves behind."""
    result = gg.compare("relu", "sigmoid", epochs=1)
    for name in result.names:
        result.run(name).save(here / "runs" / "compare" / f"{name}.nc")
    return here


def test_saved_runs_are_read_as_the_documents_say(saved):
    for name in ("run-format.md", "figures.md"):
        for block in blocks(ROOT / "docs" / name):
            exec(block, {})
    for made in ("fig.svg", "fig.csv", "report.html"):
        assert (saved / made).stat().st_size > 500


def test_functions_are_compared_as_the_documents_say(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    x, y = points(480)
    given = {"make_relu": make_keras, "make_sig": make_pytorch, "x": x, "y": y}
    (block,) = blocks(ROOT / "docs" / "own-networks.md")
    space = given | {"tx": x[:60], "ty": y[:60]}
    exec(block.replace("epochs=5, seeds=3", "epochs=1, seeds=1"), space)
    assert np.isfinite(space["result"].run("make_keras").figure("test_loss")).all()
    assert (tmp_path / "report.html").is_file()


def calls(tree: ast.AST) -> Iterator[tuple[str, list[str]]]:
    """Every public name that is taken of gradgauge, with the options that it is called with."""
    called = {id(node.func): node for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id="gg" | "gradgauge"), attr=name):
                call = called.get(id(node))
                yield name, [k.arg for k in call.keywords if k.arg] if call else []


@pytest.mark.parametrize("path", WITH_PYTHON, ids=lambda path: path.name)
def test_a_documents_python_names_what_there_is(path):
    """Also where a block shows one line each for several frameworks, and cannot run."""
    for block in blocks(path):
        for name, options in calls(ast.parse(block)):
            assert name in gg.__all__
            parameters = inspect.signature(getattr(gg, name)).parameters
            if not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
                assert set(options) <= set(parameters), name


LINKING = [*DOCUMENTS, ROOT / "benchmarks" / "README.md", ROOT / "examples" / "README.md"]


def prose(path: Path) -> str:
    return re.sub(r"^```.*?^```", "", path.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)


def anchors(path: Path) -> set[str]:
    """The headings of a document as GitHub links to them."""
    headings = re.findall(r"^#+ (.*)$", prose(path), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


@pytest.mark.parametrize("path", LINKING, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_between_documents_lead_to_a_file_and_a_heading(path):
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(path)):
        if link.startswith(("http:", "https:", "mailto:")):
            continue
        name, _, anchor = link.partition("#")
        target = path.parent / name if name else path
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link
