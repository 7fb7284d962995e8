"""What cannot fit is refused before anything is allocated, with the numbers."""

from __future__ import annotations

import pytest

from gradgauge.engine import limits
from gradgauge.engine.terms import Entry
from gradgauge.errors import TooLarge
from gradgauge.spec.notation import parse
from gradgauge.spec.training import TrainingSpec

TRAINING = TrainingSpec(seeds=(0, 1, 2))


def test_as_many_members_count_as_run_at_once(monkeypatch):
    small, large = (Entry(n, parse(n), TRAINING) for n in ("8-4-2 relu", "8-400x3-2 relu"))
    one = limits.member_bytes(large.network, TRAINING)
    none = limits.needed([])
    monkeypatch.setattr(limits, "free_memory", lambda: none + 2.5 * one)
    limits.check_memory([small, large], lanes=2)
    with pytest.raises(TooLarge) as caught:
        limits.check_memory([small, large], lanes=3)
    assert caught.value.notation == "8-400x3-2 relu"
    assert caught.value.needs == pytest.approx(none + 3 * one)
    limits.check_memory([small], lanes=3)


def test_a_member_takes_at_least_its_weights_gradients_and_the_optimizers_slots():
    network = parse("784-3000x10-10 relu")
    assert limits.member_bytes(network, TRAINING) > 4 * 4 * network.parameters
