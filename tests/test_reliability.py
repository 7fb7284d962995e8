"""The page on reliability is the one that its rows make, and the tests that it names are there."""

from __future__ import annotations

from pathlib import Path

from tests.reliability import FILES, PROCESSES, page

TESTS = Path(__file__).parent


def test_the_page_is_up_to_date() -> None:
    """If not: `python -m tests.reliability > docs/reliability.md`."""
    assert (TESTS.parent / "docs" / "reliability.md").read_text(encoding="utf-8") == page()


def test_the_tests_that_it_names_are_there() -> None:
    named = [test for row in (*FILES, *PROCESSES) for test in row.tests]
    assert len(named) > 20
    assert not [test for test in named if not (TESTS / test).is_file()]
