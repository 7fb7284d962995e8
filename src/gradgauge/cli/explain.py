"""`gradgauge explain RULE`: what a rule finds, why, an example, the fix, its limits."""

from __future__ import annotations

import click

from gradgauge.cli import language
from gradgauge.cli.help import Command
from gradgauge.cli.names import RULE
from gradgauge.cli.options import lang_option


@click.command(cls=Command)
@click.argument("rule", required=False, type=RULE)
@lang_option()
def command(rule: str | None, lang: str | None) -> int:  # noqa: ARG001
    """Print the rule's page; without a name, all rules in a line each."""
    from gradgauge.diagnosis.rules import rule_of
    from gradgauge.report.pages.diagnosis import print_rule, print_rules

    if rule is None:
        print_rules(language.current())
        return 0
    print_rule(rule_of(rule), language.current())
    return 0
