"""Evaluation that differs from training by more than dropout and batch statistics explain."""

from __future__ import annotations

from collections.abc import Iterator

from gradgauge.diagnosis.rule import Evidence, Found, Rule, RuleLimits, Silent


def check(evidence: Evidence, limits: RuleLimits) -> Iterator[Found | Silent]:
    """Dropout that never ends; running statistics that never follow."""
    del limits
    modes = evidence.properties.modes
    if modes is None:
        yield Silent("not_asked")
        return
    if modes.dropout:
        yield Found(
            "dropout",
            remedies=("tell_the_mode",),
            facts={"operation": modes.dropout},
            certainty=0.9,
        )
    for name in modes.frozen:
        yield Found("frozen_statistics", layer=name, remedies=("norm_momentum",))


RULE = Rule(
    "train-eval-gap",
    check,
    paper="Srivastava et al. (2014), section 4; Ioffe & Szegedy (2015), algorithm 2",
    static=True,
    needs="experiments",
)
