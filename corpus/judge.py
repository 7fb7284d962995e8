"""Figures of merit of a diagnosis over cases whose state of health is known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from corpus.case import CASES, Case

if TYPE_CHECKING:
    from gradgauge.diagnosis.finding import Diagnosis

DOCS = Path(__file__).parents[1] / "docs" / "diagnosis.md"
BEGIN, END = "<!-- corpus: begin -->", "<!-- corpus: end -->"


@dataclass(frozen=True)
class Result:
    """What became of a case.

    Attributes:
        faults: the rules of the faults, first to last.
        layers: their layers.
    """

    name: str
    rule: str | None
    verdict: str
    faults: list[str]
    layers: list[str | None]
    seconds: float

    @property
    def healthy(self) -> bool:
        return not self.faults

    @property
    def right(self) -> bool:
        """Whether a right rule stands among the faults."""
        return any(rule in self.faults for rule in CASES[self.name].rules)

    @property
    def first(self) -> bool:
        """Whether it stands first."""
        return bool(self.faults) and self.faults[0] in CASES[self.name].rules

    @property
    def layer_right(self) -> bool | None:
        """Whether the first finding of the right rule names a right layer; None: no layer."""
        wanted = CASES[self.name].layers
        if not wanted:
            return None
        right = (i for i, fault in enumerate(self.faults) if fault in CASES[self.name].rules)
        return self.right and self.layers[next(right)] in wanted

    def line(self) -> str:
        """One line for the terminal."""
        ok = self.healthy if self.rule is None else self.right
        mark = "ok  " if ok and (self.rule is None or self.first) else ("late" if ok else "BAD ")
        layer = "" if self.layer_right is not False else "  layer!"
        found = ", ".join(f"{r}@{x}" for r, x in zip(self.faults, self.layers, strict=True))
        return f"{mark} {self.seconds:5.1f}s {self.name:48s} {self.verdict:8s} {found}{layer}"


def judge(case: Case, diagnosis: Diagnosis, seconds: float) -> Result:
    """Compare."""
    faults = [f for f in diagnosis.findings if f.severity == "fault"]
    return Result(
        case.name,
        case.rule,
        diagnosis.verdict,
        [f.rule for f in faults],
        [f.layer for f in faults],
        round(seconds, 2),
    )


def measures(results: Sequence[Result]) -> dict[str, tuple[int, int]]:
    """Measure -> (how many right, of how many)."""
    faulty = [r for r in results if r.rule is not None]
    healthy = [r for r in results if r.rule is None]
    layered = [r for r in faulty if r.layer_right is not None]
    return {
        "recall": (sum(not r.healthy for r in faulty), len(faulty)),
        "specificity": (sum(r.healthy for r in healthy), len(healthy)),
        "right rule among the faults": (sum(r.right for r in faulty), len(faulty)),
        "right rule first": (sum(r.first for r in faulty), len(faulty)),
        "right layer": (sum(bool(r.layer_right) for r in layered), len(layered)),
    }


def table(found: dict[str, tuple[int, int]]) -> str:
    """The measures as text."""
    return "\n".join(
        f"{name:30s} {a:3d} of {b:3d}  {a / b if b else float('nan'):.3f}"
        for name, (a, b) in found.items()
    )


TARGETS = {
    "recall": ".95",
    "specificity": ".95",
    "right rule among the faults": ".90",
    "right rule first": ".75",
    "right layer": ".85",
}


def write_docs(found: Mapping[str, Sequence[Result]]) -> None:
    """Put the measures and the confusion table into docs/diagnosis.md."""
    lines = [f"| measure | wanted | {' | '.join(found)} |", f"|---|---|{'---|' * len(found)}"]
    figures = {part: measures(results) for part, results in found.items()}
    for name, least in TARGETS.items():
        pairs = [figures[part][name] for part in found]
        cells = [f"{a / b:.3f} ({a} of {b})" if b else "-" for a, b in pairs]
        lines.append(f"| {name} | {least} | {' | '.join(cells)} |")
    lines += ["", "First finding, by actual fault (all parts):", ""]
    lines += _confusion([r for results in found.values() for r in results])
    text = DOCS.read_text(encoding="utf-8")
    head, tail = text.partition(BEGIN)[0], text.partition(END)[2]
    DOCS.write_text(f"{head}{BEGIN}\n{chr(10).join(lines)}\n{END}{tail}", encoding="utf-8")


def _confusion(results: Sequence[Result]) -> list[str]:
    counts: dict[str, Counter[str]] = {}
    for result in results:
        first = result.faults[0] if result.faults else "healthy"
        counts.setdefault(result.rule or "healthy", Counter())[first] += 1
    rows = ["| actual fault | cases | first finding |", "|---|---|---|"]
    for rule in sorted(counts):
        found = ", ".join(f"{name} {n}" for name, n in counts[rule].most_common())
        rows.append(f"| {rule} | {sum(counts[rule].values())} | {found} |")
    return rows
