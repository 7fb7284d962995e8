"""Tests stand where what they test stands: folders of `tests/` are folders of `src/gradgauge/`."""

from __future__ import annotations

from pathlib import Path

import pytest

TESTS = Path(__file__).parent
SOURCE = TESTS.parent / "src" / "gradgauge"

ACROSS = {
    "agreement": "whole trainings repeated beside Keras and PyTorch",
    "conformance": "every entry of a list (gauges, parts) against the list's own promises",
    "corpus": "the trainings that diagnosis and watchers are judged by, in `corpus/`",
    "fuzz": "damaged files, of any kind",
    "properties": "identities that hold for any input, across gauges, parts and spec",
    "seams": "what may import, configure or print what",
}
"""Folders that test something across the source's folders, and what."""


def folders_of_tests() -> list[Path]:
    return sorted({p.parent.relative_to(TESTS) for p in TESTS.rglob("*.py")} - {Path()})


@pytest.mark.parametrize("folder", folders_of_tests(), ids=str)
def test_a_folder_of_tests_is_a_folder_of_the_source(folder):
    assert folder.parts[0] in ACROSS or (SOURCE / folder).is_dir()


def test_folders_across_the_source_are_there():
    assert all((TESTS / name).is_dir() for name in ACROSS)


def test_a_test_does_not_stand_above_the_module_that_it_is_called_after():
    """`tests/study/test_store.py` would: `store` is a module of `study/sweep`, and of it alone."""
    above = []
    for test in sorted(TESTS.rglob("test_*.py")):
        folder = test.parent.relative_to(TESTS)
        if folder == Path() or folder.parts[0] in ACROSS:
            continue
        name = test.stem.removeprefix("test_")
        below = SOURCE / folder
        homes = {path.parent for path in below.rglob("*.py") if path.stem.lstrip("_") == name}
        homes |= {path for path in below.rglob(name) if path.is_dir()}
        if len(homes) == 1 and not homes & {below, below / name}:
            above.append(str(test.relative_to(TESTS)))
    assert not above
