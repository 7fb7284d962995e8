"""docs/theory.md has every public function, and no sentence is missing in a language."""

import doctest
import inspect
from pathlib import Path

import pytest

from gradgauge import theory
from gradgauge.messages.catalog import LANGUAGES, entries

PAGE = Path(__file__).parents[2] / "docs" / "theory.md"
FUNCTIONS = [
    name for name in theory.__all__ if inspect.isfunction(inspect.unwrap(getattr(theory, name)))
]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_has_its_page(name):
    assert f"### `{name}" in PAGE.read_text(encoding="utf-8")


def test_every_figure_on_the_page_is_reproduced():
    failures, tried = doctest.testfile(str(PAGE), module_relative=False, encoding="utf-8")
    assert tried > 50
    assert failures == 0


@pytest.mark.parametrize("name", FUNCTIONS)
def test_docstring_names_the_source(name):
    text = inspect.getdoc(inspect.unwrap(getattr(theory, name))) or ""
    assert "Returns:" in text or "Raises:" in text or "Args:" in text


def test_every_reason_in_the_code_has_a_sentence():
    folder = Path(inspect.getfile(theory)).parent
    code = "\n".join(path.read_text(encoding="utf-8") for path in folder.glob("*.py"))
    for lang in LANGUAGES:
        keys = [key for key in entries(lang) if key.startswith("theory.reason.")]
        assert keys
        for key in keys:
            assert f'"{key.rsplit(".", 1)[1]}"' in code


def test_languages_have_the_same_keys():
    korean, english = (
        {key for key in entries(lang) if key.startswith("theory.")} for lang in ("ko", "en")
    )
    assert korean == english
