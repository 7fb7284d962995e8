"""Layers that the error signal does not reach, or that nothing changes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np

from gradgauge.diagnosis.facts import Layer
from gradgauge.diagnosis.properties.reach import Reach
from gradgauge.diagnosis.rule import (
    FAULT,
    NOTE,
    WARNING,
    Evidence,
    Found,
    Rule,
    RuleLimits,
    Silent,
)
from gradgauge.diagnosis.signals import ALL, born_broken, learning_layers, nothing_reached
from gradgauge.parameter_groups import PARAMETER_GROUPS

_ARRIVES = (1e-6, 1e6)
"""A gradient between these that changes nothing has neither been lost in rounding nor has it
overflown in the optimizer."""
_SEEN = 1e-25
"""A gradient above this in the next layer cannot have underflown to nothing in this one."""


def check(evidence: Evidence, limits: RuleLimits) -> Iterator[Found | Silent]:
    """Frozen with fresh weights; left out of the optimizer; detached; never called."""
    del limits
    properties = evidence.properties
    yield from _loose(evidence)
    if properties.reach is not None and properties.reach.nothing:
        yield _nothing(evidence, properties.reach)
        return
    if evidence.recorded and evidence.history is None and _passes(evidence) > 1:
        yield Found(
            "nobody_moves",
            value=float(_passes(evidence)),
            limit="gradient",
            remedies=("reach_nobody_moves",),
            certainty=1.0,
        )
        return
    yield from _in_time(evidence)
    yield from _idle_optimizers(evidence)
    if not evidence.layers:
        yield Silent("no_layers")
    if nothing_reached(evidence):
        yield _nothing_in_training(evidence)
        return
    cut = _cut_off(evidence) | _cut_by_experiment(evidence)
    found = []
    for index, layer in enumerate(evidence.layers):
        case, severity = _case(evidence, index, layer, cut)
        if case:
            found.append(
                Found(
                    case,
                    severity=severity,
                    layer=layer.name,
                    value=0.0,
                    limit="gradient",
                    remedies=(f"reach_{case}",),
                    facts={"block": layer.block, "strangers": properties.strangers},
                )
            )
    # The one next to the cut stands first: what lies below is cut off with it.
    faults = [f for f in found if f.severity == FAULT]
    yield from reversed(faults) if cut else faults
    yield from (f for f in found if f.severity != FAULT)


def _passes(evidence: Evidence) -> int:
    """Backward passes that were seen, of a Run that says so."""
    return int(evidence.run.attributes.get("backward_passes", 0)) if evidence.run else 0


def _nothing(evidence: Evidence, reach: Reach) -> Found:
    """The loudest: the loss cannot teach any weight anything."""
    case = (
        "outputs_cut" if reach.within_model else "loss_constant" if reach.constant else "loss_cut"
    )
    outputs = [layer.name for layer in evidence.layers if layer.info.output]
    outputs = outputs or [head.layer for head in evidence.heads if head.layer]
    return Found(
        case,
        layer=outputs[-1] if outputs and reach.within_model else None,
        value=0.0,
        limit="gradient",
        remedies=(f"reach_{case}",),
        certainty=1.0,
    )


def _nothing_in_training(evidence: Evidence) -> Found:
    """No gradient at any step. Where an experiment found one at smaller weights, the wiring is
    sound, and the loss is flat where the training stands: what causes that stands before it."""
    reach = evidence.properties.reach
    flat = reach is not None and not reach.reason
    return Found(
        "flat" if flat else "nothing",
        value=0.0,
        limit="gradient",
        remedies=("reach_flat",) if flat else ("reach_nothing", "reach_detached"),
        facts={"layers": len(learning_layers(evidence))},
        certainty=1.0,
        symptom=flat,
    )


def _in_time(evidence: Evidence) -> Iterator[Found]:
    """A sequence of whose places only the last ones get a gradient. Cutting it into parts saves
    memory, and is a fault only where the training fails; parts of one step are none."""
    cut = evidence.properties.in_time
    if cut is None or not cut.places:
        return
    last_alone = cut.places == cut.length - 1
    yield Found(
        "cut_in_time",
        severity=FAULT if last_alone or evidence.lagging else WARNING,
        value=float(cut.places),
        limit="gradient",
        remedies=("reach_in_time",),
        facts={"places": cut.places, "length": cut.length},
        certainty=0.9,
    )


def _idle_optimizers(evidence: Evidence) -> Iterator[Found]:
    """Optimizers that step though none of their weights ever has a gradient, while those of others
    have: a part that is cut off from its own loss, or that was frozen and never thawed."""
    run = evidence.run
    if not evidence.recorded or run is None or PARAMETER_GROUPS not in run.groups:
        return
    rates, norms = (
        run.values(PARAMETER_GROUPS, name)[0] for name in ("learning_rate", "weight_grad_norm")
    )
    steps, learns = np.isfinite(rates).sum(axis=0), (np.nan_to_num(norms) != 0).any(axis=0)
    least = evidence.limits["learning"]["least_steps"].value
    for at, group in enumerate(run.parameter_groups):
        if not group.whole or learns[at] or not learns.any() or steps[at] < least:
            continue
        places = (layer_of(name, evidence.layers) for name in group.parameters)
        first = next((place for place in places if place is not None), None)
        yield Found(
            "idle_optimizer",
            layer=None if first is None else evidence.layers[first].name,
            value=float(steps[at]),
            limit="gradient",
            remedies=("reach_idle_optimizer",),
            facts={"optimizer": group.name},
            certainty=1.0,
        )


def _loose(evidence: Evidence) -> Iterator[Found]:
    """Tensors that take part and ask for gradients, but that nothing moves."""
    for in_model, case in ((True, "unregistered"), (False, "loss_weights")):
        loose = [
            t for t in evidence.properties.loose if t.in_model == in_model and not t.registered
        ]
        if loose:
            yield Found(
                case,
                severity=FAULT if in_model else WARNING,
                value=float(len(loose)),
                remedies=(f"reach_{case}",),
                facts={"count": len(loose), "shape": str(loose[0].shape)},
                certainty=0.95,
            )


def _cut_by_experiment(evidence: Evidence) -> set[int]:
    """Layers of weights with which the loss changes though they never get a gradient."""
    properties = evidence.properties
    if properties.reach is None:
        return set()
    places = (layer_of(properties.names[i], evidence.layers) for i in properties.reach.cut)
    return {place for place in places if place is not None}


def layer_of(weight: str, layers: Sequence[Layer]) -> int | None:
    """The place of the layer that a weight belongs to, by their names; None: not found.

    Names are paths of words: the layer's stand in the weight's, in their order and together.
    """
    words = re.findall(r"\w+", weight)
    best: tuple[int, int] | None = None
    for place, layer in enumerate(layers):
        own = re.findall(r"\w+", layer.name)
        inside = any(words[i : i + len(own)] == own for i in range(len(words)))
        if inside and own and (best is None or len(own) > best[0]):
            best = len(own), place
    return best[1] if best else None


def _case(evidence: Evidence, index: int, layer: Layer, cut: set[int]) -> tuple[str, str]:
    info = layer.info
    if info.shares or info.kind in ("normalization", "bias") or not info.parameters:
        return "", ""
    if not info.trainable:
        return _frozen(evidence, layer, "frozen")
    if evidence.recorded:
        return _recorded_case(evidence, index, layer, cut)
    if not info.called and not _is_container(evidence, layer):
        return "not_called", FAULT
    if not layer.in_optimizer:
        if evidence.properties.strangers and layer.fresh is not False:
            return "replaced", FAULT
        return _frozen(evidence, layer, "not_in_optimizer")
    if _stands_still(evidence, index, layer):
        # Weights as an initializer left them are not kept from learning on purpose.
        _, severity = _frozen(evidence, layer, "still") if layer.fresh else ("", WARNING)
        return "still", FAULT if evidence.lagging else severity
    if index in cut:
        # A trained part that runs without gradients is frozen in another way.
        return "detached", NOTE if layer.fresh is False else FAULT
    return "", ""


def _stands_still(evidence: Evidence, index: int, layer: Layer) -> bool:
    """Whether a layer gets a gradient and no update ever changes it, while others move: what the
    optimizer was told to do with it is not known here."""
    if evidence.steps < evidence.limits["learning"]["least_steps"].value or evidence.broke_off:
        return False
    if layer.moved is not False or not any(o.moved for o in evidence.layers):
        return False
    grads = evidence.probes("weight_grad_norm")
    least, most = _ARRIVES
    return bool(len(grads)) and bool(((grads[:, index] > least) & (grads[:, index] < most)).all())


def _recorded_case(evidence: Evidence, index: int, layer: Layer, cut: set[int]) -> tuple[str, str]:
    """What only was not seen to be reached may have been meant so: a loop that trains a part, an
    expert that had nothing to do. It is a fault where the training fails."""
    severity = FAULT if evidence.failing else WARNING
    if not layer.in_optimizer:
        return "not_in_optimizer", severity
    if index in cut:
        return "detached", severity
    return "", ""


def _frozen(evidence: Evidence, layer: Layer, case: str) -> tuple[str, str]:
    """Frozen on purpose: it has been trained before, or a whole part of the model is frozen
    and the rest gets along with it."""
    if layer.fresh is False:
        return case, NOTE
    if layer.fresh is None:
        return case, WARNING if evidence.failing else NOTE
    # Vectors that were learned elsewhere may be as normal as an initializer's.
    words = layer.info.kind == "embedding"
    # Random classes to which a network learns to send its inputs do as well as learned ones.
    kept = layer.info.output or _all_but_head_frozen(evidence)
    if (layer.block or kept or words) and not evidence.lagging:
        return case, WARNING
    return case, FAULT


def _all_but_head_frozen(evidence: Evidence) -> bool:
    hidden = [
        layer
        for layer in evidence.layers
        if not layer.info.output and layer.info.parameters and layer.info.kind != "normalization"
    ]
    still = [
        layer
        for layer in hidden
        if not layer.info.trainable or not layer.in_optimizer or layer.moved is False
    ]
    return 0 < len(hidden) == len(still)


def _is_container(evidence: Evidence, layer: Layer) -> bool:
    prefix = f"{layer.name}."
    return any(other.name.startswith((prefix, f"{layer.name}/")) for other in evidence.layers)


def _cut_off(evidence: Evidence) -> set[int]:
    """Layers whose weights never get a gradient though one arrives above, and no unit is dead."""
    grads = _gradients(evidence)
    if not len(grads) or born_broken(evidence):
        return set()
    grads = grads[np.isfinite(grads).any(axis=1)] if np.isfinite(grads).any() else grads[:0]
    candidates = learning_layers(evidence)
    nothing = [
        i
        for i in candidates
        if len(grads) and bool(np.all((grads[:, i] == 0) | np.isnan(grads[:, i])))
    ]
    if not nothing or len(nothing) == len(candidates):
        return set()
    if _explained(evidence, nothing, grads):
        return set()
    return set(nothing)


def _gradients(evidence: Evidence) -> np.ndarray:
    """Norms of the weights' gradients at the probes; of a Run at the steps too."""
    probes = evidence.probes("weight_grad_norm")
    if not evidence.recorded or evidence.run is None:
        return probes
    steps = evidence.run.values("steps", "weight_grad_norm")[0]
    return np.concatenate([probes, steps]) if len(probes) else steps


def _explained(evidence: Evidence, nothing: list[int], grads: np.ndarray) -> bool:
    """Whether dead units, weights of zero or underflow stop the gradient above the last of them."""
    last = max(nothing)
    dead = evidence.probes("dead")
    if len(dead) and np.nanmax(np.nan_to_num(dead[:, min(nothing) :])) > ALL:
        return True
    above = [i for i in evidence.gradient_layers if i > last]
    if above and float(np.nanmax(grads[:, above[0]], initial=0.0)) < _SEEN:
        return True
    return any(evidence.layers[i].stays_zero for i in above)


RULE = Rule("unreached-layer", check, paper="Schoop et al. (2021), UMLAUT", static=True)
