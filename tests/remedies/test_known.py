"""The list of remedies and the advice that a diagnosis prints are one."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import gradgauge
from gradgauge.diagnosis.finding import FAULT, Diagnosis, Finding
from gradgauge.diagnosis.rules import BY_NAME
from gradgauge.messages.catalog import LANGUAGES, entries
from gradgauge.remedies.known import BY_KEY, FRAMEWORKS, REACHES, REMEDIES
from gradgauge.remedies.spec.case import SpecCase
from gradgauge.remedies.trainer import CannotApply
from gradgauge.remedies.trial import remedies_for
from gradgauge.spec.notation import parse
from gradgauge.spec.training import TrainingSpec

_RULES = Path(gradgauge.__file__).parent / "diagnosis" / "rules"
_KNOWN = Path(gradgauge.__file__).parent / "remedies" / "known"
_DOCS = Path(__file__).parents[2] / "docs"
_ADVICE = {
    key.removeprefix("diagnosis.remedy.")
    for key in entries("en")
    if key.startswith("diagnosis.remedy.")
}
_TRIED = [remedy for remedy in REMEDIES if remedy.tried and not remedy.certain]


def test_every_advice_is_a_remedy_and_every_remedy_has_its_advice():
    assert set(BY_KEY) == _ADVICE
    assert len(BY_KEY) == len(REMEDIES)


def test_every_file_is_in_the_list():
    files = {p.stem for p in _KNOWN.glob("[!_]*.py")}
    files -= {"by_hand", "certain", "data_repairs", "rates", "recurrent"}
    assert files <= set(BY_KEY)


@pytest.mark.parametrize("path", sorted(_RULES.glob("[!_]*.py")), ids=lambda p: p.stem)
def test_what_a_rule_advises_answers_that_rule(path):
    rule = path.stem.replace("_", "-")
    assert rule in BY_NAME
    quoted = set(re.findall(r'"([a-z_]+)"', path.read_text(encoding="utf-8")))
    for key in quoted & _ADVICE:
        assert rule in BY_KEY[key].rules, key


@pytest.mark.parametrize("remedy", REMEDIES, ids=lambda r: r.key)
def test_a_remedy_answers_known_rules_and_has_a_reach(remedy):
    assert set(remedy.rules) <= set(BY_NAME)
    assert remedy.rules
    assert remedy.reach in REACHES


@pytest.mark.parametrize("remedy", _TRIED, ids=lambda r: r.key)
def test_what_is_tried_has_names_a_paper_and_lines_for_every_framework(remedy):
    for lang in LANGUAGES:
        assert remedy.named(lang)
    assert remedy.paper
    assert remedy.touches
    assert remedy.knob.low <= remedy.knob.usual <= remedy.knob.high
    for value, factor in remedy.ladder():
        assert remedy.knob.low <= value <= remedy.knob.high
        assert factor > 0
    if remedy.reach != "S":
        for framework, reason in remedy.unwritten.items():
            assert framework not in remedy.patch
            assert f"remedy.reason.{reason}" in entries("en")
        for framework in [f for f in FRAMEWORKS if f not in remedy.unwritten]:
            lines = remedy.lines(framework, remedy.knob.usual, "sigmoid")
            assert lines
            assert "$" not in lines
            compile(lines, remedy.key, "exec")


@pytest.mark.parametrize("remedy", _TRIED, ids=lambda r: r.key)
@pytest.mark.parametrize("activation", ["sigmoid", "relu", "tanh"])
def test_a_remedy_changes_a_network_or_says_why_not(remedy, activation):
    case = SpecCase(parse(f"12-8x4-3 {activation} scale=3 bias_std=2"), TrainingSpec(), steps=100)
    try:
        treated = remedy.on_spec(case, remedy.knob.usual)
    except CannotApply as why:
        assert f"remedy.reason.{why.reason}" in entries("en")
        return
    assert treated != case
    assert treated.network.inputs == 12
    adjust = treated.adjust(np.random.default_rng(0).normal(size=(50, 12)))
    assert (adjust is None) == (not treated.adjustments)


@pytest.mark.parametrize(
    ("activation", "keras", "pytorch", "jax"),
    [
        ("relu", "HeNormal", "kaiming_normal_", "he_normal"),
        ("sigmoid", "GlorotUniform", "xavier_uniform_", "glorot_uniform"),
        ("selu", "LecunNormal", "numel()**-0.5", "lecun_normal"),
    ],
)
def test_weights_drawn_anew_are_those_that_belong_to_the_activation(
    activation, keras, pytorch, jax
):
    remedy = BY_KEY["random_init"]
    for framework, word in (("keras", keras), ("pytorch", pytorch), ("jax", jax)):
        assert word in remedy.lines(framework, 1.0, activation)


def test_the_documents_list_every_remedy_that_is_tried():
    rows = (_DOCS / "remedy.md").read_text("utf-8")
    for remedy in REMEDIES:
        row = f"| {remedy.name} (`{remedy.key}`) | {remedy.reach} |" if remedy.tried else ""
        assert row in rows, remedy.key


def test_what_a_trial_tries_is_what_the_diagnosis_advises():
    """One entry, two uses: the advice that is tried stands among what the trial takes up."""
    for rule in BY_NAME:
        keys = tuple(r.key for r in REMEDIES if rule in r.rules)
        finding = Finding(rule, FAULT, "case", remedies=keys)
        listed = [r.key for r in remedies_for(Diagnosis((finding,), None))]
        assert set(listed) == {k for k in keys if BY_KEY[k].tried and not BY_KEY[k].rate}


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("remedy", REMEDIES, ids=lambda r: r.key)
def test_comments_of_a_patch_are_in_the_users_language(remedy, lang):
    for framework in remedy.patch:
        lines = remedy.lines(framework, remedy.knob.usual, "sigmoid", lang=lang)
        assert "# @" not in lines
        for comment in re.findall(r"# (.*)", lines):
            korean = any("가" <= letter <= "힣" for letter in comment)
            assert korean == (lang == "ko") or comment.startswith("params: ["), comment
