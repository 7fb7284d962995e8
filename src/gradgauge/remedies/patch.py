"""The lines to write into one's own program."""

from __future__ import annotations

from gradgauge.messages.catalog import sentence
from gradgauge.remedies.known import BY_KEY, FRAMEWORKS
from gradgauge.remedies.known.rates import SET_RATE
from gradgauge.remedies.remedy import advice_in
from gradgauge.remedies.trainer import Candidate

_NAMES = {"keras": "Keras", "pytorch": "PyTorch", "jax": "JAX"}


def patch_text(
    candidate: Candidate, rate: float, framework: str, activation: str, lang: str
) -> str:
    """What a candidate changes, as lines of a program with their reasons as comments.

    Args:
        candidate: what is recommended.
        rate: its learning rate.
        framework: one of FRAMEWORKS; `spec`: all of them, one after the other.
        activation: of the hidden layers as they are.
        lang: of the comments.
    """
    if framework != "spec":
        return _one(candidate, rate, framework, activation, lang)
    parts = [f"# {_NAMES[f]}\n{_one(candidate, rate, f, activation, lang)}" for f in FRAMEWORKS]
    return "\n\n".join(parts)


def _one(candidate: Candidate, rate: float, framework: str, activation: str, lang: str) -> str:
    parts = []
    for dose in candidate.doses:
        remedy = BY_KEY[dose.remedy]
        knob = remedy.knob.usual if dose.knob is None else dose.knob
        told = advice_in(remedy, lang, knob, activation)
        lines = remedy.lines(framework, knob, activation, dose.layers, lang)
        parts.append(f"# {told}\n{lines}".rstrip())
    if candidate.rate_factor != 1:
        told = sentence("remedy.patch.rate", lang, rate=f"{rate:.3g}")
        parts.append(f"# {told}\n{SET_RATE[framework].format(rate=f'{rate:.3g}')}")
    return "\n".join(parts)
