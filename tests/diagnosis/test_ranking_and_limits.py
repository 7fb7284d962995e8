"""The order of findings; overriding limits, switching rules off; figures that JSON can hold."""

from __future__ import annotations

import json
import math
import re

import pytest

from gradgauge.diagnosis.finding import Finding
from gradgauge.diagnosis.limits import limits_with, read_overrides, shipped, source_in
from gradgauge.diagnosis.ranking import ranked
from gradgauge.diagnosis.rules import RULES
from gradgauge.diagnosis.session import conclude
from gradgauge.errors import InvalidValue, UnknownName
from gradgauge.json import number
from tests.diagnosis.made import evidence, trial


def finding(rule: str, severity: str = "fault", **fields) -> Finding:
    return Finding(rule, severity, "layers", **fields)


def test_causes_stand_before_mechanisms_before_symptoms():
    given = [
        finding("loss-not-falling", symptom=True),
        finding("vanishing-gradient"),
        finding("non-finite", symptom=True),
        finding("bad-initial-scale"),
        finding("loss-mismatch"),
    ]
    assert [f.rule for f in ranked(given, evidence())] == [
        "loss-mismatch",
        "bad-initial-scale",
        "vanishing-gradient",
        "non-finite",
        "loss-not-falling",
    ]


def test_faults_stand_before_warnings_before_notes():
    given = [
        finding("loss-mismatch", "note"),
        finding("dead-units", "warning"),
        finding("update-ratio"),
    ]
    assert [f.severity for f in ranked(given, evidence())] == ["fault", "warning", "note"]


def test_what_a_trial_has_cured_stands_first():
    given = [finding("constant-initialization"), finding("unscaled-input")]
    cured = evidence(trials=[trial(True, scaled_inputs=True)])
    assert ranked(given, cured)[0].rule == "unscaled-input"


def test_a_healthy_training_has_no_finding_at_all():
    diagnosis = conclude(evidence())
    assert diagnosis.healthy
    assert diagnosis.primary is None
    assert diagnosis.findings == ()
    said = {*diagnosis.clean, *(n.rule for n in diagnosis.not_applicable)}
    assert said == {rule.name for rule in RULES}


def test_warnings_and_notes_leave_it_healthy():
    diagnosis = conclude(evidence(gauges={"dead": [0, 0.8, 0, 0, math.nan]}))
    assert diagnosis.healthy
    assert diagnosis.findings[0].severity == "warning"


def test_a_limit_can_be_overridden():
    gauges = {"dead": [0, 0.8, 0, 0, math.nan]}
    given = evidence(gauges=gauges, limits=limits_with({"dead-units.share": 0.9}))
    assert "dead-units" in conclude(given).clean
    assert limits_with({"dead-units.share": 0.9})["dead-units"]["share"].source == "override"


def test_a_rule_can_be_switched_off():
    gauges = {"dead": [0, 0.8, 0, 0, math.nan]}
    diagnosis = conclude(evidence(gauges=gauges), off=["dead-units"])
    assert diagnosis.findings == ()
    assert any(
        n.rule == "dead-units" and n.reason == "switched_off" for n in diagnosis.not_applicable
    )


def test_unknown_limits_and_values_that_are_none():
    with pytest.raises(UnknownName):
        limits_with({"dead-units.shares": 0.9})
    with pytest.raises(InvalidValue):
        read_overrides(["dead-units.share=much"])
    assert read_overrides(["dead-units.share=0.7"]) == {"dead-units.share": 0.7}


def test_every_limit_has_a_source_and_every_rule_a_limit():
    assert {rule.name for rule in RULES} <= set(shipped())
    for rows in shipped().values():
        assert all(limit.source for limit in rows.values())


def test_the_document_has_the_contracts_fields_and_no_bare_infinity():
    diagnosis = conclude(evidence(failing=True, gauges={"delta_norm": [0, 1e-9, 1e-6, 1e-3, 1e-2]}))
    document = json.loads(json.dumps(diagnosis.to_json("ko"), allow_nan=False))
    assert document["schema"] == 1
    assert document["healthy"] is False
    assert {
        "rule",
        "severity",
        "layer",
        "step",
        "value",
        "limit",
        "limit_source",
        "remedies",
    } <= set(document["findings"][0])
    assert [number(v) for v in (math.nan, math.inf, -math.inf, 1.0, None)] == [
        None,
        "inf",
        "-inf",
        1.0,
        None,
    ]


def test_the_rules_of_the_contract():
    assert {rule.name for rule in RULES} >= {
        "vanishing-gradient",
        "exploding-gradient",
        "dead-units",
        "saturated-units",
        "signal-collapse",
        "loss-mismatch",
        "unscaled-input",
        "learning-rate-too-high",
        "learning-rate-too-low",
        "loss-not-falling",
        "non-finite",
        "constant-initialization",
        "bad-initial-scale",
        "unreached-layer",
        "update-ratio",
        "regressed",
    }


def test_every_limits_source_is_said_in_korean_too():
    for rows in shipped().values():
        for limit in rows.values():
            said = source_in(limit.source, "ko")
            assert re.search("[가-힣]", said), limit.source
            assert source_in(limit.source, "en") == limit.source
    assert source_in("Hochreiter (1991)", "ko") == "Hochreiter (1991)"
