"""The first thing that a recorded training says of itself, in a line."""

from __future__ import annotations

from gradgauge.diagnosis.finding import Diagnosis
from gradgauge.diagnosis.recorded import diagnose_run
from gradgauge.messages.catalog import sentence
from gradgauge.run import Run


def first_finding(run: Run, lang: str = "en") -> str:
    """Its likeliest fault, else its first warning; or how many rules found none."""
    result = diagnose_run(run)
    if result.primary is None and not any(f.severity == "warning" for f in result.findings):
        none = sentence("diagnosis.first_none", lang, count=_asked(result))
        return " ".join([none, *few(result, lang)])
    first = result.findings[0]
    severity = sentence(f"diagnosis.severity.{first.severity}", lang)
    return " ".join(
        (
            sentence(
                "diagnosis.first_finding", lang, severity=severity, sentence=first.sentence(lang)
            ),
            sentence("diagnosis.recorded_hint", lang),
        )
    )


def few(result: Diagnosis, lang: str) -> list[str]:
    """A sentence where a recording has measured too few steps to show a change."""
    if not result.too_few:
        return []
    return [sentence("diagnosis.recorded_few", lang, measured=result.too_few)]


def _asked(result: Diagnosis) -> int:
    """How many rules had something to look at."""
    return len(result.clean) + len({f.rule for f in result.findings})
