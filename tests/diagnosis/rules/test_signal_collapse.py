"""Rule signal-collapse."""

from __future__ import annotations

import numpy as np

from tests.diagnosis.made import evidence, flat_outputs, found, head, lags, silent

COLLAPSED = {"signal_spread": [0.3, 1e-3, 1e-6, 1e-9, 1e-10]}


def test_inputs_that_look_alike():
    (finding,) = found("signal-collapse", evidence(failing=True, gauges=COLLAPSED))
    assert (finding.severity, finding.layer, finding.step) == ("fault", "h3", 0)


def test_in_a_training_that_learns_it_is_a_note():
    assert found("signal-collapse", evidence(gauges=COLLAPSED))[0].severity == "note"


def test_a_collapse_that_is_gone_in_a_training_that_learned_is_no_fault():
    low, healthy = COLLAPSED["signal_spread"], [0.3, 0.3, 0.3, 0.3, 0.3]
    for last, severity in ((healthy, "note"), (low, "fault")):
        given = lags(evidence(gauges={"signal_spread": [low, healthy, last]}))
        assert found("signal-collapse", given)[0].severity == severity


def test_a_healthy_spread():
    assert found("signal-collapse", evidence(failing=True)) == []


def test_without_signals_it_does_not_apply():
    nothing = {"signal_spread": [float("nan")] * 5}
    assert silent("signal-collapse", evidence(gauges=nothing)) == "no_signals"


def test_outputs_that_became_the_same():
    same = np.repeat(flat_outputs()[:1], 200, axis=0)
    (finding,) = found("signal-collapse", evidence(failing=True, heads=(head(after=same),)))
    assert (finding.severity, finding.case, finding.layer) == ("fault", "outputs", "out")


def test_outputs_that_always_were_the_same_have_not_become_so():
    same = np.repeat(flat_outputs()[:1], 200, axis=0)
    given = evidence(failing=True, heads=(head(before=same, after=same),))
    assert found("signal-collapse", given) == []


def test_outputs_that_never_told_inputs_apart():
    before, after = (np.repeat(flat_outputs()[i : i + 1], 200, axis=0) for i in (0, 1))
    unseen = {"signal_spread": [float("nan")] * 5}
    always = evidence(failing=True, heads=(head(before=before, after=after),), gauges=unseen)
    assert [f.case for f in found("signal-collapse", always)] == ["never_differed"]
    mended = evidence(failing=True, heads=(head(before=before),), gauges=unseen)
    assert silent("signal-collapse", mended) == "no_signals"
