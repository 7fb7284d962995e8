"""A diagnosis in the terminal and as a page; the explanation of a rule."""

from __future__ import annotations

from html import escape
from pathlib import Path
from string import Template
from typing import Any

from gradgauge._version import __version__
from gradgauge.diagnosis.finding import Diagnosis, Finding
from gradgauge.diagnosis.limits import Limit, shipped, source_in
from gradgauge.diagnosis.rule import Rule
from gradgauge.diagnosis.rules import RULES
from gradgauge.messages.catalog import sentence
from gradgauge.messages.figure import plain
from gradgauge.report.finding import few
from gradgauge.report.page.fonts import hangul_face
from gradgauge.report.page.page import prose
from gradgauge.writing import write_text_whole

_COLORS = {"fault": "bold red", "warning": "yellow", "note": "cyan"}
PARTS = ("what", "why", "example", "fix")


def print_diagnosis(result: Diagnosis, name: str, lang: str, console: Any = None) -> None:
    """Verdict, findings with figures and remedies, and what was not applicable."""
    from rich.console import Console
    from rich.text import Text

    console = console or Console()
    console.print(Text(_title(name, lang), "bold"))
    console.print(Text(headline(result, lang)), Text(_verdict(result, lang), "dim"))
    for finding in result.findings:
        console.print()
        line = Text(f"{_severity(finding, lang)}  ", _COLORS[finding.severity])
        console.print(line.append(f"{_rule_title(finding.rule, lang)} ({finding.rule})", "bold"))
        console.print(Text(f"  {finding.sentence(lang)}"), soft_wrap=True)
        for number, remedy in enumerate(finding.advice(lang), 1):
            console.print(Text(f"  {number}. {remedy}"), soft_wrap=True)
        if finding.limit_source:
            source = sentence("diagnosis.heading.limit_source", lang)
            console.print(Text(f"  {source}: {finding.source(lang)}", "dim"), soft_wrap=True)
    console.print()
    for entry in result.not_applicable:
        console.print(Text(entry.sentence(lang), "dim"), soft_wrap=True)
    if result.clean:
        looked = sentence("diagnosis.found_nothing", lang, rules=", ".join(result.clean))
        console.print(Text(looked, "dim"), soft_wrap=True)
    console.print(Text(_watched(result, lang), "dim"))


def headline(result: Diagnosis, lang: str) -> str:
    """Healthy or not, in one line."""
    faults = sum(f.severity == "fault" for f in result.findings)
    kind = {0: "healthy", 1: "faulty_once"}.get(faults, "faulty")
    return sentence(f"diagnosis.{kind}", lang, faults=faults)


def _title(name: str, lang: str) -> str:
    return sentence("diagnosis.title", lang, name=name)


def _verdict(result: Diagnosis, lang: str) -> str:
    return sentence(f"diagnosis.verdict.{result.verdict}", lang)


def _watched(result: Diagnosis, lang: str) -> str:
    """What was trained, and what a limit in seconds cut."""
    if result.recorded:
        return " ".join(
            [sentence("diagnosis.recorded", lang, steps=result.steps), *few(result, lang)]
        )
    spent = result.spent
    parts = [
        sentence(
            "diagnosis.watched",
            lang,
            steps=result.steps,
            planned=spent.planned,
            trials=spent.trials,
            seconds=f"{result.seconds:.1f}",
        )
    ]
    if result.spent.cut_training:
        parts.append(sentence("diagnosis.cut_training", lang, length=spent.length))
    if result.spent.cut_trials:
        parts.append(sentence("diagnosis.cut_trials", lang))
    return " ".join(parts)


def _severity(finding: Finding, lang: str) -> str:
    return sentence(f"diagnosis.severity.{finding.severity}", lang)


def _key(rule: str) -> str:
    return f"diagnosis.rule.{rule.replace('-', '_')}"


def _rule_title(rule: str, lang: str) -> str:
    return sentence(f"{_key(rule)}.title", lang)


def print_rules(lang: str, console: Any = None) -> None:
    """Every rule in a line."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, show_header=False, pad_edge=False)
    for rule in RULES:
        table.add_row(rule.name, _rule_title(rule.name, lang))
    (console or Console()).print(table)


def print_rule(rule: Rule, lang: str, console: Any = None) -> None:
    """A rule's page."""
    from rich.console import Console
    from rich.text import Text

    console = console or Console()
    console.print(Text(f"{rule.name}: {_rule_title(rule.name, lang)}", "bold"))
    for part in PARTS:
        console.print()
        console.print(Text(sentence(f"diagnosis.heading.{part}", lang), "bold"))
        console.print(Text(sentence(f"{_key(rule.name)}.{part}", lang)), soft_wrap=True)
    console.print()
    console.print(Text(sentence("diagnosis.heading.limits", lang), "bold"))
    for name, limit in shipped().get(rule.name, {}).items():
        console.print(Text(_limit_line(name, limit, lang)), soft_wrap=True)
    console.print(Text(sentence("diagnosis.heading.override", lang, rule=rule.name), "dim"))
    console.print()
    console.print(Text(f"{sentence('diagnosis.heading.source', lang)}: {rule.paper}"))


def _limit_line(name: str, limit: Limit, lang: str) -> str:
    return f"{name} = {plain(limit.value)}  ({source_in(limit.source, lang)})"


def write_diagnosis(result: Diagnosis, name: str, path: Path | str, lang: str = "en") -> Path:
    """The diagnosis as one HTML file that needs no network, whole or not at all.

    Raises:
        OutputProblem: it cannot be written.
    """
    return write_text_whole(path, diagnosis_page(result, name, lang))


_PAGE = Template("""<!DOCTYPE html>
<html lang="$lang">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="gradgauge $version">
<title>$title</title>
<link rel="icon" href="data:,">
<style>
$font
:root { color-scheme: light dark; --fault: #b34700; --warning: #7a5c00; --note: #005a8c; }
@media (prefers-color-scheme: dark) {
  :root { --fault: #ff9a5c; --warning: #e6c35c; --note: #7cc4f0; }
}
body { font: 1rem/1.5 "Gradgauge Hangul", system-ui, sans-serif; max-width: 50rem; margin: 0 auto; padding: 1rem; }
body:lang(ko) { word-break: keep-all; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; }
h2 code { font-size: .8em; font-weight: 400; }
sup { line-height: 0; font-size: .75em; } .option { white-space: nowrap; }
article { border-left: .3rem solid var(--note); padding: .1rem 1rem; margin: 1.2rem 0; }
article.fault { border-color: var(--fault); } article.warning { border-color: var(--warning); }
.badge { font-weight: 700; } .fault .badge { color: var(--fault); }
.warning .badge { color: var(--warning); } .note .badge { color: var(--note); }
.small { font-size: .9rem; opacity: .85; }
code { font-family: ui-monospace, "Gradgauge Hangul", monospace; overflow-wrap: anywhere; }
</style>
</head>
<body>
<main>
<h1>$title</h1>
<p><strong>$headline</strong> $verdict</p>
$findings
$silent
<p class="small">$watched</p>
</main>
</body>
</html>
""")


def diagnosis_page(result: Diagnosis, name: str, lang: str = "en") -> str:
    """The page as text."""
    silent = "".join(f"<li>{prose(n.sentence(lang))}</li>" for n in result.not_applicable)
    heading = escape(sentence("diagnosis.heading.silent", lang))
    texts = {
        "title": escape(_title(name, lang)),
        "headline": escape(headline(result, lang)),
        "verdict": escape(_verdict(result, lang)),
        "findings": "".join(article(f, lang) for f in result.findings),
        "silent": f'<h2>{heading}</h2><ul class="small">{silent}</ul>' if silent else "",
        "watched": escape(_watched(result, lang)),
    }
    font = hangul_face("".join(texts.values()))
    return _PAGE.substitute(texts, lang=lang, version=escape(__version__), font=font)


def article(finding: Finding, lang: str) -> str:
    """A finding as HTML: title, sentence, remedies, where its limit comes from."""
    remedies = "".join(f"<li>{prose(text)}</li>" for text in finding.advice(lang))
    source = ""
    if finding.limit_source:
        label = escape(sentence("diagnosis.heading.limit_source", lang))
        source = f'<p class="small">{label}: {prose(finding.source(lang) or "")}</p>'
    return (
        f'<article class="{finding.severity}"><h2><span class="badge">'
        f"{escape(_severity(finding, lang))}</span> {escape(_rule_title(finding.rule, lang))} "
        f"<code>{finding.rule}</code></h2><p>{prose(finding.sentence(lang))}</p>"
        f"<ol>{remedies}</ol>{source}</article>"
    )


def rules_markdown(lang: str = "en") -> str:
    """All rules as docs/rules.md has them."""
    origin = (
        "Generated from the catalog and `diagnosis/thresholds.toml` by "
        "`python -m gradgauge.report.pages.diagnosis > docs/rules.md`; `gradgauge explain RULE` "
        "prints the same."
    )
    parts = ["# The rules of `gradgauge diagnose`", origin]
    for rule in RULES:
        parts.append(f"## {rule.name}")
        parts += [
            f"**{sentence(f'diagnosis.heading.{part}', lang)}.** "
            f"{sentence(f'{_key(rule.name)}.{part}', lang)}"
            for part in PARTS
        ]
        rows = [
            f"| `{rule.name}.{name}` | {plain(limit.value)} | {limit.source} |"
            for name, limit in shipped().get(rule.name, {}).items()
        ]
        parts.append("\n".join(["| limit | value | source |", "|---|---|---|", *rows]))
        parts.append(f"{sentence('diagnosis.heading.source', lang)}: {rule.paper}.")
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    print(rules_markdown(), end="")
