"""Finding and Diagnosis: the result of a diagnosis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import Any

from gradgauge.diagnosis.limits import source_in
from gradgauge.json import number
from gradgauge.messages.catalog import sentence
from gradgauge.messages.figure import Figure, Word
from gradgauge.run import Run

FAULT, WARNING, NOTE = "fault", "warning", "note"
_LEAST_MEASURED = 3
"""Measured steps of a recording: two may stand before and after anything."""
SEVERITIES = (FAULT, WARNING, NOTE)


@dataclass(frozen=True)
class Finding:
    """One finding of a rule.

    Attributes:
        rule: name of the rule, as accepted by `gradgauge explain`.
        severity: `fault`, `warning` or `note`.
        case: which of the rule's sentences applies: a key of `diagnosis.finding.RULE` in the
            catalog.
        layer: name of the layer; None if the finding concerns the whole training.
        step: the step at which it was found, counted from 0; None: before training.
        value: the measured value.
        limit: the limit that the value is compared with.
        limit_source: the source of the limit.
        remedies: keys of `diagnosis.remedy` in the catalog, most promising first.
        facts: values for the placeholders of the sentence and the remedies.
        certainty: orders findings of equal rank, in [0, 1].
        symptom: whether it is caused by something else; symptoms are listed after causes.
    """

    rule: str
    severity: str
    case: str
    layer: str | None = None
    step: int | None = None
    value: float | None = None
    limit: float | None = None
    limit_source: str | None = None
    remedies: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    certainty: float = 0.5
    symptom: bool = False

    def sentence(self, lang: str = "en") -> str:
        """The finding in words."""
        return sentence(f"diagnosis.finding.{self._key}", lang, **self._facts(lang))

    def advice(self, lang: str = "en") -> list[str]:
        """The remedies in words, most promising first."""
        return [sentence(f"diagnosis.remedy.{r}", lang, **self._facts(lang)) for r in self.remedies]

    def source(self, lang: str = "en") -> str | None:
        """The source of the limit in words."""
        return None if self.limit_source is None else source_in(self.limit_source, lang)

    @property
    def _key(self) -> str:
        return f"{self.rule.replace('-', '_')}.{self.case}"

    def _facts(self, lang: str) -> dict[str, Figure | Word]:
        when = sentence(
            "diagnosis.when." + ("step" if self.step else "start"), lang, step=self.step
        )
        facts = {"layer": self.layer, "step": self.step, "when": when}
        facts |= {"value": self.value, "limit": self.limit}
        return {name: shown(value) for name, value in {**facts, **self.facts}.items()}

    def to_json(self, lang: str = "en") -> dict[str, Any]:
        """All fields; infinity and NaN as strings, because JSON lacks them."""
        return {
            "rule": self.rule,
            "severity": self.severity,
            "layer": self.layer,
            "step": self.step,
            "value": number(self.value),
            "limit": number(self.limit),
            "limit_source": self.source(lang),
            "sentence": self.sentence(lang),
            "remedies": self.advice(lang),
        }


@dataclass(frozen=True)
class NotApplicable:
    """A rule that could not be checked, and the reason.

    Attributes:
        rule: its name.
        reason: a key of `diagnosis.reason` in the catalog.
        facts: values for its placeholders.
    """

    rule: str
    reason: str
    facts: Mapping[str, Any] = field(default_factory=dict)

    def sentence(self, lang: str = "en") -> str:
        """`not applicable, because ...`."""
        facts = {name: shown(value) for name, value in self.facts.items()}
        because = sentence(f"diagnosis.reason.{self.reason}", lang, **facts)
        return sentence("diagnosis.not_applicable", lang, rule=self.rule, reason=because)


@dataclass(frozen=True)
class Spent:
    """The training runs of a diagnosis, and what a time limit cut off.

    Attributes:
        planned: steps of the user's own training.
        length: maximum number of steps per training run.
        trials: training runs besides the watched one.
        cut_training: whether the time limit ended the watched run.
        cut_trials: whether the time limit prevented a trial.
    """

    planned: int
    length: int
    trials: int = 0
    cut_training: bool = False
    cut_trials: bool = False


@dataclass(frozen=True)
class Diagnosis:
    """The result of a diagnosis.

    Attributes:
        findings: most likely cause first; faults before warnings before notes.
        run: the gauges of the watched training run; None if nothing was trained.
        not_applicable: rules that could not be checked, with reasons.
        clean: names of the rules that were checked and found nothing.
        verdict: `learned`, `learning`, `failing` or `unknown`.
        seconds: duration of the diagnosis.
        steps: number of training steps watched.
        spent: planned steps, further training runs, and what a time limit cut off.
        recorded: whether a recording was diagnosed, without any training.
    """

    findings: tuple[Finding, ...]
    run: Run | None
    not_applicable: tuple[NotApplicable, ...] = ()
    clean: tuple[str, ...] = ()
    verdict: str = "unknown"
    seconds: float = 0.0
    steps: int = 0
    spent: Spent = Spent(0, 0)
    recorded: bool = False

    @property
    def healthy(self) -> bool:
        """Whether there is no fault; warnings and notes do not count."""
        return self.primary is None

    @property
    def primary(self) -> Finding | None:
        """The first fault, or None."""
        return next((f for f in self.findings if f.severity == FAULT), None)

    @property
    def too_few(self) -> int:
        """Number of measured steps if a recording has too few to show a change, otherwise 0."""
        if not self.recorded or self.run is None:
            return 0
        measured = len(self.run.groups["steps"].coords["step"])
        return measured if measured < _LEAST_MEASURED else 0

    def to_json(self, lang: str = "en") -> dict[str, Any]:
        """The document printed by `gradgauge diagnose --json`."""
        return {
            "schema": 1,
            "healthy": self.healthy,
            "findings": [f.to_json(lang) for f in self.findings],
            "not_applicable": [
                {"rule": n.rule, "reason": n.sentence(lang)} for n in self.not_applicable
            ],
            "verdict": self.verdict,
            "recorded": self.recorded,
            "steps": self.steps,
            "planned_steps": self.spent.planned,
            "trials": self.spent.trials,
            "cut": {"training": self.spent.cut_training, "trials": self.spent.cut_trials},
            "seconds": round(self.seconds, 3),
        }

    def __repr__(self) -> str:
        found = ", ".join(f"{f.severity}: {f.rule}" for f in self.findings) or "nothing found"
        state = "faulty" if not self.healthy else "unknown" if self.too_few else "healthy"
        return f"<Diagnosis {state}: {found}>"


def shown(value: Any) -> Figure | Word:
    """A fact as a sentence takes it: a number with a fraction writes itself as the sentence asks."""
    if isinstance(value, Real) and not isinstance(value, Integral):
        return Figure(value)
    if isinstance(value, (tuple, list)):
        return Word(", ".join(str(shown(v)) for v in value))
    return Word(value)
