"""The sets of the corpus: who belongs where, and that 2026c is what its table says."""

from __future__ import annotations

from collections import Counter

import pytest
from corpus.case import CASES
from corpus.pairs import TWINS, twins
from corpus.sets import SETS, load, members

load()

FAST = (
    "2026c-pytorch-loss-mismatch-nll-on-logits",
    "2026c-pytorch-index-out-of-range-labels-from-one",
    "2026c-pytorch-stale-gradients-zero-grad-once-an-epoch",
)


def test_every_case_is_in_one_set():
    assert Counter(name for which in SETS for name in members(which)) == Counter(list(CASES))


def test_the_set_of_public_kinds_is_large_and_every_case_can_be_tried_plainly():
    cases = [CASES[name] for name in members("2026c")]
    assert sum(not case.healthy for case in cases) >= 40
    assert sum(case.healthy for case in cases) >= 30
    assert {case.framework for case in cases} == {"pytorch", "keras", "jax"}
    assert all(case.name in TWINS for case in cases)


@pytest.mark.parametrize("name", FAST)
def test_a_fault_shows_and_its_twin_learns(name):
    broken, mended = twins(CASES[name])
    assert mended > 0.85
    assert not broken > mended - 0.3
