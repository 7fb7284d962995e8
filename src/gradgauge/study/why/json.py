"""A Why as JSON: CONTRACT section 5."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from gradgauge.json import finite
from gradgauge.spec.notation import write
from gradgauge.study.by_layer import MOMENTS
from gradgauge.study.compare.json import summary_json
from gradgauge.study.why.prediction import predicted_chi_grad
from gradgauge.study.why.sentences import change_sentence, verdict_sentences

if TYPE_CHECKING:
    from gradgauge.study.why.result import Why
    from gradgauge.study.why.verdict import TrainedArm

SCHEMA = 1


def why_json(why: Why, lang: str = "en") -> dict[str, Any]:
    """All figures of the experiment, NaN and infinity as None."""
    return finite(
        {
            "schema": SCHEMA,
            "network": write(why.network),
            "training": dataclasses.asdict(why.training),
            "arms": [_arm(why, arm, lang) for arm in why.arms],
            "verdict": {"causes": why.causes, "sentence": " ".join(verdict_sentences(why, lang))},
            "seconds": why.seconds,
        }
    )


def _arm(why: Why, arm: TrainedArm, lang: str) -> dict[str, Any]:
    return {
        "name": arm.arm.name,
        "change": change_sentence(arm.arm, lang),
        "optimizer": arm.optimizer,
        "notation": write(arm.arm.network),
        "test_accuracy": summary_json(arm.test_accuracy),
        "attenuation": {m: dataclasses.asdict(arm.attenuation(m)) for m in MOMENTS},
        "chi_grad_predicted": predicted_chi_grad(arm.arm, why.input_square),
        "chi_grad_measured": arm.chi_grad_measured,
        "signal_spread": {m: arm.last_spread(m) for m in MOMENTS},
        "began_to_learn": why.learned_at(arm),
        "decided": arm.decided,
    }
