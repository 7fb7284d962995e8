"""The sentences that follow from a trial's figures."""

from __future__ import annotations

from gradgauge.messages.catalog import Catalog, sentence
from gradgauge.messages.figure import signed
from gradgauge.remedies.known import BY_KEY
from gradgauge.remedies.result import Arm, RemedyResult
from gradgauge.remedies.trainer import CONTROL, REMEDY, Metric
from gradgauge.remedies.verdicts import NOTHING_TO_REPAIR


def arm_name(arm: Arm, lang: str) -> str:
    """An arm's name for people."""
    if arm.kind == REMEDY:
        return " + ".join(BY_KEY[key].named(lang) for key in arm.remedies)
    return sentence(f"remedy.arm.{arm.kind.replace('-', '_')}", lang)


def verdict_sentence(result: RemedyResult, lang: str) -> str:
    """The verdict, what it rests on, and what cut it short."""
    facts = _facts(result, lang)
    key = result.verdict.replace("-", "_")
    if result.verdict != NOTHING_TO_REPAIR and not any(arm.kind == CONTROL for arm in result.arms):
        key = "nothing_complete"  # Nothing that anything could be compared with.
    told = [sentence(f"remedy.verdict.{key}", lang, **facts)]
    if result.metric.rests_on_loss:
        told.append(sentence("remedy.verdict_rests_on_loss", lang))
    if result.arms and not result.fresh:
        told.append(sentence("remedy.verdict_given_weights", lang))
    if result.interrupted:
        told.append(sentence("remedy.verdict_cut", lang))
    return " ".join(told)


def metric_name(metric: Metric, lang: str) -> str:
    """The score that arms are ranked by, for people."""
    say, key = Catalog(lang), f"remedy.metric.{metric.name}"
    return say(key) if key in say else metric.name


def figure(value: float) -> str:
    """A score with three decimals."""
    return f"{value:.3f}"


def interval(bounds: tuple[float, float], lang: str) -> str:
    """`+0.123 to +0.456`."""
    return sentence("remedy.interval", lang, low=signed(bounds[0]), high=signed(bounds[1]))


def _facts(result: RemedyResult, lang: str) -> dict[str, object]:
    facts: dict[str, object] = {
        "metric": metric_name(result.metric, lang),
        "findings": ", ".join(result.findings["before"]) or "-",
        "gone": ", ".join(arm_name(a, lang) for a in result.arms if a.finding_gone) or "-",
    }
    control = next((arm for arm in result.arms if arm.kind == CONTROL), None)
    if control is not None:
        facts |= {"control": figure(control.mean), "seeds": len(control.values)}
    if result.winning is not None and result.winning.over_control is not None:
        over = result.winning.over_control
        facts |= {
            "winner": arm_name(result.winning, lang),
            "mean": figure(result.winning.mean),
            "gain": signed(over.mean),
            "interval": interval(over.interval, lang),
        }
    return facts
