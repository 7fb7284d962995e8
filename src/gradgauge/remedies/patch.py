"""The lines to write into one's own program."""

from __future__ import annotations

from gradgauge.messages.catalog import sentence
from gradgauge.remedies.known import BY_KEY, FRAMEWORKS
from gradgauge.remedies.known.rates import SCALE_RATE, SET_RATE
from gradgauge.remedies.remedy import advice_in
from gradgauge.remedies.trainer import Candidate, Dose

_NAMES = {"keras": "Keras", "pytorch": "PyTorch", "jax": "JAX"}


def patch_text(
    candidate: Candidate,
    rate: float,
    framework: str,
    activation: str,
    lang: str,
    *,
    scales_rate: bool = False,
) -> str:
    """What a candidate changes, as lines of a program with their reasons as comments.

    Args:
        candidate: what is recommended.
        rate: its learning rate.
        framework: one of FRAMEWORKS; `spec`: all of them, one after the other.
        activation: of the hidden layers as they are.
        lang: of the comments.
        scales_rate: whether the optimizer has a schedule instead of one rate, or hides it.
    """
    if framework == "spec":
        parts = []
        for name in FRAMEWORKS:
            # An optimizer of optax, whichever it is, hides its rate.
            lines = patch_text(candidate, rate, name, activation, lang, scales_rate=name == "jax")
            parts.append(f"# {_NAMES[name]}\n{lines}")
        return "\n\n".join(parts)
    changed = _rate_lines(candidate, rate, framework, lang, scales_rate)
    parts = []
    for dose in sorted(candidate.doses, key=_sets_schedule):
        remedy = BY_KEY[dose.remedy]
        if _sets_schedule(dose):  # It starts from the rate, and sets it itself from then on.
            parts, changed = parts + changed, []
        knob = remedy.knob.usual if dose.knob is None else dose.knob
        told = advice_in(remedy, lang, knob, activation)
        lines = remedy.lines(framework, knob, activation, dose.layers, lang)
        parts.append(f"# {told}\n{lines}".rstrip())
    return "\n".join(parts + changed)


def _sets_schedule(dose: Dose) -> bool:
    return "schedule" in BY_KEY[dose.remedy].touches


def _rate_lines(
    candidate: Candidate, rate: float, framework: str, lang: str, scales_rate: bool
) -> list[str]:
    if candidate.rate_factor == 1:
        return []
    if scales_rate:
        factor = f"{candidate.rate_factor:.3g}"
        told = sentence("remedy.patch.scaled", lang, factor=factor)
        return [f"# {told}\n{SCALE_RATE[framework].format(factor=factor)}"]
    told = sentence("remedy.patch.rate", lang, rate=f"{rate:.3g}")
    return [f"# {told}\n{SET_RATE[framework].format(rate=f'{rate:.3g}')}"]
