from __future__ import annotations

from dataclasses import replace

import pytest

from gradgauge.report.words.headline import headline, verdict


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_every_case_has_its_sentence(comparison, lang):
    text = headline(comparison, lang)
    assert text and "{" not in text
    if all(run.seeds for run in comparison.runs.values()):
        assert all(name in text for name in comparison.ranking[:2])


def test_one_network_has_no_verdict(comparisons):
    assert verdict(comparisons("one")) is None
    assert verdict(comparisons("cut_off")) is None


def test_one_training_each_is_said_to_be_so(comparisons):
    assert "with one training run each" in verdict(comparisons("three"))


def test_the_verdict_says_whether_it_is_decided(two):
    decided = two.difference.decided
    text = verdict(two)
    assert ("is significant" in text) == decided
    same = replace(two, runs={**two.runs, "sigmoid": two.runs["relu"]})
    assert "not significant" in verdict(same)
