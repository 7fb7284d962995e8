"""The sentence follows from the figures: every kind of case, constructed."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from gradgauge.messages.catalog import entries
from gradgauge.report.words.explain import (
    backward,
    course,
    explain,
    explain_network,
    forward,
    learned,
)
from gradgauge.report.words.facts import Facts, Moment, facts_of, most_affected
from gradgauge.statistics import summarize
from gradgauge.study.by_layer import Attenuation

NAN = math.nan


def moment(
    total=-6.1,
    slopes=-6.2,
    weights=0.1,
    deltas=(2e-8, 1e-4, 3e-2),
    spread=1.7e-13,
    dead=(0.0, 0.0, NAN),
) -> Moment:
    return Moment(Attenuation(total, slopes, weights), deltas, spread, dead)


def facts(first: Moment | None = None, last: Moment | None = None, **fields) -> Facts:
    given = {
        "name": "net",
        "seeds": 1,
        "epochs": 5,
        "accuracy": summarize([0.2]),
        "loss": summarize([1.9]),
        "majority": 0.11,
        "non_finite": None,
        "interrupted": False,
        "paths": "plain",
        "dtype": "float32",
        "spread_resolution": 1e-14,
        "began": None,
        "steps": 100,
        **fields,
    }
    moments = {"first": first or moment(), "last": last or moment(-0.1, -7.0, 6.9, spread=0.27)}
    return Facts(moments=moments, **given)


def starts_like(key: str, text: str, lang: str = "en") -> bool:
    """Whether `text` begins as the catalogue's sentence does up to its first placeholder."""
    return text.startswith(entries(lang)[key].partition("{")[0])


@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize(
    ("first", "kind"),
    [
        (moment(), "loses"),
        (moment(2.0, -1.0, 3.0, (3.0, 0.3, 0.03)), "grows"),
        (moment(0.01, -1.5, 1.51, (0.03, 0.03, 0.03)), "keeps"),
        (moment(-math.inf, NAN, NAN, (0.0, 0.0, 0.03)), "zero"),
        (moment(-math.inf, NAN, NAN, (0.0, 0.0, 0.03), dead=(0.0, 1.0, NAN)), "blocked"),
        (moment(NAN, NAN, NAN, (0.0, 0.0, 0.0)), "nothing_sent"),
        (moment(NAN, NAN, NAN, (NAN, NAN, NAN)), "unmeasured"),
        (moment(math.inf, NAN, NAN, (math.inf, 1.0, 0.1)), "unmeasured"),
    ],
)
def test_backward(first, kind, lang):
    text = backward(facts(first), lang)
    assert starts_like(f"explain.backward.{kind}", text, lang)
    assert "{" not in text


def test_the_figures_stand_in_the_sentence():
    text = backward(facts(), "en")
    assert "6.1 decades" in text and "slopes −6.2" in text and "weights +0.1" in text


def test_zero_names_the_layer_from_which_it_is_zero():
    assert "from layer 2 down" in backward(facts(moment(-math.inf, deltas=(0.0, 0.0, 0.03))), "en")


def test_zero_in_one_seed_of_several_is_not_told_as_zero_in_all():
    first = moment(-math.inf, deltas=(0.0, 0.0, 0.03), dead=(0.0, 1.0, NAN))
    assert "at least one seed" in backward(facts(first, seeds=3), "en")


@pytest.mark.parametrize(
    ("spread", "kind"),
    [(0.3, "clear"), (1e-5, "weak"), (1.7e-13, "lost"), (0.0, "zero"), (NAN, "unmeasured")],
)
@pytest.mark.parametrize("lang", ["en", "ko"])
def test_forward(spread, kind, lang):
    text = forward(facts(moment(spread=spread)), lang)
    expected = entries(lang)[f"explain.forward.{kind}"].partition("{")[0]
    assert text.startswith(expected)


@pytest.mark.parametrize(
    ("before", "after", "delayed"),
    [
        (-6.1, -0.1, True),
        (-6.1, 2.0, True),
        (-6.1, -5.0, False),
        (-0.4, -0.1, False),
        (2.0, 0.1, False),
        (-math.inf, -0.4, True),
        (-1.4, -1.2, False),
        (-2.1, -0.97, False),
        (-5.7, -0.7, True),
        (-5.7, -2.0, False),
        (-math.inf, -5.0, False),
    ],
)
def test_a_delay_is_claimed_only_where_much_was_lost_and_came_back(before, after, delayed):
    text = course(facts(moment(before), moment(after, spread=0.2)), "en")
    assert ("a delay, not a permanent state" in text) == delayed


@pytest.mark.parametrize(
    ("before", "after", "stays"),
    [(-6.1, -5.0, True), (-6.1, -2.0, False), (-6.1, -0.7, False), (-math.inf, -5.0, False)],
)
def test_still_is_said_only_where_most_of_it_is_lost_still(before, after, stays):
    text = course(facts(moment(before), moment(after, spread=0.2)), "en")
    assert ("still" in text) == stays


def test_nothing_is_claimed_of_what_was_not_measured():
    lost = facts(moment(), moment(NAN, NAN, NAN))
    assert "cannot be measured" in course(lost, "en")
    unknown = facts(moment(NAN, NAN, NAN, (NAN, NAN, NAN)), moment(-0.1))
    assert "delay" not in course(unknown, "en")


def test_a_training_that_broke_down_says_where_and_nothing_of_its_accuracy():
    broken = facts(non_finite={"seeds": [0, 2], "step": 7, "layer": 3})
    text = course(broken, "en")
    assert "step 7" in text and "layer 3" in text and "seeds: 0, 2" in text
    assert learned(broken, "en") == []
    assert learned(facts(interrupted=True), "en") == []


def test_learning_is_judged_against_the_most_frequent_class():
    assert "not shown" in learned(facts(accuracy=summarize([0.10])), "en")[0]
    assert "not shown" in learned(facts(accuracy=summarize([0.1, 0.9])), "en")[0]
    assert "not shown" not in learned(facts(accuracy=summarize([0.2, 0.21])), "en")[0]
    assert learned(facts(accuracy=None, majority=None), "en") == []


@pytest.mark.parametrize("paths", ["skip", "norm"])
def test_other_paths_are_said_to_be_in_the_weights_part(paths):
    told = " ".join(explain_network(facts(paths=paths), "en"))
    assert entries("en")[f"explain.paths.{paths}"] in told


def test_the_most_affected_network():
    mild, strong = facts(moment(-1.0), name="mild"), facts(moment(-6.0), name="strong")
    growing = facts(moment(9.0), name="growing")
    unknown = facts(moment(NAN, deltas=(NAN, NAN, NAN)), name="unknown")
    assert most_affected([mild, strong]).name == "strong"
    assert most_affected([mild, strong, growing]).name == "growing"
    assert most_affected([mild, unknown, growing]).name == "unknown"


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_real_comparisons_are_explained_in_three_sentences(comparison, lang):
    told = explain(comparison, lang)
    assert len(told) == 3
    assert all(text and "{" not in text for text in told)


def test_nothing_trained_is_said_so(comparisons):
    cut = comparisons("cut_off")
    nothing = replace(cut, runs=dict.fromkeys(cut.names, cut.runs["sigmoid"]))
    assert explain(nothing, "en") == [entries("en")["explain.nothing"]]


def test_facts_are_the_runs(two):
    told = facts_of(two, "sigmoid")
    assert told.moments["first"].attenuation == two.attenuation("sigmoid", "first")
    assert told.majority == pytest.approx(20 / 60)
