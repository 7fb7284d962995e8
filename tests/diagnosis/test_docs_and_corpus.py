"""docs/rules.md is the catalogue's; a small part of the corpus; the split stands still."""

from __future__ import annotations

from pathlib import Path

import pytest
from corpus.__main__ import run
from corpus.case import CASES
from corpus.sets import UNSEEN, halves, load, members

from gradgauge.report.pages.diagnosis import rules_markdown

ROOT = Path(__file__).parents[2]

load()

PART = (
    "pytorch-healthy-relu",
    "pytorch-healthy-regression",
    "pytorch-healthy-multi-label",
    "pytorch-dead-units-dead-bias",
    "pytorch-unreached-layer-detached",
    "pytorch-learning-rate-too-low-sgd-low",
)


def test_the_page_of_rules_is_up_to_date():
    assert (ROOT / "docs" / "rules.md").read_text(encoding="utf-8") == rules_markdown()


@pytest.mark.parametrize("name", PART)
def test_a_small_part_of_the_corpus(name):
    result = run(CASES[name])
    assert result.healthy if result.rule is None else result.first
    assert result.layer_right is not False


def test_the_corpus_is_as_large_as_it_should_be():
    healthy = [case for case in CASES.values() if case.healthy]
    assert len(healthy) >= 60
    assert len(CASES) - len(healthy) >= 60
    assert {c.kind for c in CASES.values()} >= {
        "dense",
        "convolution",
        "recurrent",
        "residual",
        "attention",
    }
    assert {c.task for c in CASES.values()} >= {
        "regression",
        "binary",
        "multi-class",
        "multi-label",
    }


def test_the_halves_are_a_split():
    tuning, held = halves()
    others = [name for part in UNSEEN for name in members(part)]
    assert sorted([*tuning, *held, *others]) == sorted(CASES)
    assert set(PART) <= set(tuning)
