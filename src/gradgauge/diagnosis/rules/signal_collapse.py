"""Inputs that have become indistinguishable on their way through the network."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gradgauge.diagnosis.facts import Head
from gradgauge.diagnosis.rule import (
    FAULT,
    NOTE,
    Evidence,
    Found,
    Rule,
    RuleLimits,
    Silent,
    graded,
)
from gradgauge.diagnosis.signals import ALL, chain, input_spread, last_seen

_MANY = 8
"""Distinct inputs that show that outputs do not depend on them."""


def check(evidence: Evidence, limits: RuleLimits) -> Iterator[Found | Silent]:
    """The first hidden layer after which nearly nothing differs between inputs; else outputs
    that have become the same for every input."""
    found = list(_hidden(evidence, limits))
    outputs = list(_outputs(evidence, limits))
    faults = [f for f in found if isinstance(f, Found) and f.severity == FAULT and not f.symptom]
    yield from found if faults or not outputs else outputs


def _outputs(evidence: Evidence, limits: RuleLimits) -> Iterator[Found]:
    """Outputs that differed between inputs before the training and no longer do."""
    if evidence.broke_off or evidence.steps < evidence.limits["learning"]["least_steps"].value:
        return
    if evidence.learned or input_spread(evidence) < limits["spread"].value:
        return
    for head in evidence.heads:
        if head.after is None or len(head.before) < 2 or not np.isfinite(head.after).all():
            continue
        if evidence.failing and _never_differed(head, evidence):
            yield Found(
                "never_differed",
                layer=head.layer,
                step=evidence.last_step,
                remedies=("follow_inputs",),
                symptom=_told_apart(evidence),
                certainty=0.9,
            )
            continue
        before, after = (_differs(outputs) for outputs in (head.before, head.after))
        name, bound = "outputs", limits["outputs"].value
        if head.loss.kind in ("mse", "mae", "huber") and evidence.failing:
            name, bound = "answers", limits["answers"].value * _differs(head.y)
        if before > bound >= after:
            yield Found(
                "outputs",
                layer=head.layer,
                step=evidence.last_step,
                value=after,
                limit=name,
                limit_value=bound,
                remedies=("weigh_terms", "lower_rate", "layer_norm"),
                facts={"before": before},
                symptom=_layer_died(evidence),
            )


def _never_differed(head: Head, evidence: Evidence) -> bool:
    """Whether outputs that changed in the training are the same for all of many inputs, before and
    after: what differs between inputs is lost before the first layer, or in it."""
    x = evidence.data.x
    if head.after is None or len(x) != 1 or len(np.unique(x[0], axis=0)) < _MANY:
        return False
    alike = all(bool((out == out[:1]).all()) for out in (head.before, head.after))
    return alike and not np.array_equal(head.before, head.after)


def _told_apart(evidence: Evidence) -> bool:
    """Whether the first hidden layer did tell inputs apart: then a later one is to blame."""
    values, places = evidence.probes("signal_spread"), chain(evidence)
    if not len(values) or not places:
        return False
    first = values[0, places[0]]
    return bool(np.isfinite(first) and first > 0)


def _layer_died(evidence: Evidence) -> bool:
    """Whether all units of a layer are dead at the end: then that is why nothing differs."""
    dead = evidence.probes("dead")
    if not len(dead) or not np.isfinite(dead).any():
        return False
    return bool(np.nanmax(dead[last_seen(dead)]) >= ALL)


def _differs(outputs: np.ndarray) -> float:
    """The share of the outputs' power that differs between inputs."""
    flat = outputs.reshape(len(outputs), -1).astype(np.float64)
    power = float((flat**2).mean())
    return float(flat.var(axis=0).mean()) / power if power > 0 else 0.0


def _hidden(evidence: Evidence, limits: RuleLimits) -> Iterator[Found | Silent]:
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
        mended = not (values[last_seen(values[:, places]), places] < bound).any()
        severity = graded(evidence, NOTE, at_start=probe == 0, mended=mended)
        yield Found(
            "layers",
            severity=severity,
            layer=evidence.layers[low[0]].name,
            step=int(evidence.probe_steps()[probe]),
            value=float(values[probe, low[-1]]),
            limit="spread",
            limit_value=bound,
            remedies=("critical_scale", "lsuv", "layer_norm", "skips"),
            facts={"last": evidence.layers[low[-1]].name},
            symptom=probe > 0 and severity == FAULT,
        )
        return


RULE = Rule("signal-collapse", check, paper="Schoenholz et al. (2017), section 3")
