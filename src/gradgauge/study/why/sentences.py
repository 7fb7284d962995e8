"""The sentences that follow from the experiment's figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradgauge.messages.catalog import sentence
from gradgauge.study.why.counterfactuals import CONTROL, SLOPE, WEIGHT_SCALE, Counterfactual

if TYPE_CHECKING:
    from gradgauge.study.why.result import Why


def arm_name(arm: Counterfactual, lang: str) -> str:
    """An arm's name for people."""
    return sentence(f"why.arm.{_key(arm.name)}", lang)


def change_sentence(arm: Counterfactual, lang: str) -> str:
    """What was changed in this arm."""
    facts = {name: f"{v:.4g}" if isinstance(v, float) else v for name, v in arm.facts}
    return sentence(f"why.change.{_key(arm.name)}", lang, **facts)


def verdict_sentences(why: Why, lang: str) -> list[str]:
    """The verdict, one sentence an optimizer; and why a change that helps may not be named."""
    return [_one(why, optimizer, lang) for optimizer in why.optimizers] + _contained(why, lang)


def _contained(why: Why, lang: str) -> list[str]:
    """Where the slope is a cause and the critical weights rescue: that they contain its repair."""
    for optimizer, causes in why.causes.items():
        arm = why.of(optimizer).get(WEIGHT_SCALE)
        if SLOPE in causes and arm is not None and arm.rescues:
            factor = f"{dict(arm.arm.facts)['factor']:.3g}"
            name = arm_name(arm.arm, lang)
            return [sentence("why.verdict.contained", lang, arm=name, factor=factor)]
    return []


def _key(name: str) -> str:
    return name.replace("+", "_and_").replace("-", "_")


def _one(why: Why, optimizer: str, lang: str) -> str:
    arms = why.of(optimizer)
    facts = {"optimizer": optimizer, "accuracy": f"{arms[CONTROL].test_accuracy.mean:.3f}"}
    fails, causes = why.fails(optimizer), why.causes[optimizer]
    if fails is None:
        return sentence("why.verdict.undecided", lang, seeds=len(why.training.seeds), **facts)
    if not fails:
        return sentence("why.verdict.nothing", lang, **facts)
    best = max(arms.values(), key=lambda arm: arm.test_accuracy.mean)
    facts["best"] = sentence(f"why.arm.{_key(best.arm.name)}", lang)
    facts["best_accuracy"] = f"{best.test_accuracy.mean:.3f}"
    if not causes:
        return sentence("why.verdict.unnamed", lang, **facts)
    names = sentence("why.and", lang).join(
        sentence(f"why.cause.{_key(cause)}", lang) for cause in causes
    )
    return sentence("why.verdict.causes", lang, causes=names, **facts)
