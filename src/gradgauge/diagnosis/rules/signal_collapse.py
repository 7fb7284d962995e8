"""Inputs that have become indistinguishable on their way through the network."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gradgauge.diagnosis.rules._rule import (
    FAULT,
    NOTE,
    Evidence,
    Found,
    Rule,
    RuleLimits,
    Silent,
    graded,
)
from gradgauge.diagnosis.signals import chain, input_spread, last_seen


def check(evidence: Evidence, limits: RuleLimits) -> Iterator[Found | Silent]:
    """The first hidden layer behind which nearly nothing differs between inputs."""
    values = evidence.probes("signal_spread")
    places = [i for i in chain(evidence) if not evidence.layers[i].info.output]
    if not len(values) or not places or not np.isfinite(values[:, places]).any():
        yield Silent("no_signals")
        return
    bound = limits["spread"].value * min(input_spread(evidence), 1.0)
    for probe in dict.fromkeys((0, last_seen(values[:, places]))):
        low = [i for i in places if values[probe, i] < bound]
        if not low:
            continue
        severity = graded(evidence, NOTE, at_start=probe == 0)
        yield Found(
            "layers",
            severity=severity,
            layer=evidence.layers[low[0]].name,
            step=int(evidence.probe_steps()[probe]),
            value=float(values[probe, low[-1]]),
            limit="spread",
            limit_value=bound,
            remedies=("critical_scale", "normalisation", "skips"),
            facts={"last": evidence.layers[low[-1]].name},
            symptom=probe > 0 and severity == FAULT,
        )
        return


RULE = Rule("signal-collapse", check, paper="Schoenholz et al. (2017), section 3")
