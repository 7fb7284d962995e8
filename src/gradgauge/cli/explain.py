"""`gradgauge explain RULE`: what a rule finds, why, an example, the fix, its limits."""

from __future__ import annotations

import click

from gradgauge.cli import language
from gradgauge.cli.options import lang_option
from gradgauge.errors import UnknownName


@click.command
@click.argument("rule", required=False)
@lang_option()
def command(rule: str | None, lang: str | None) -> int:  # noqa: ARG001
    """Print the rule's page; without a name, all rules in a line each."""
    from gradgauge.diagnosis.rules import BY_NAME
    from gradgauge.report.pages.diagnosis import print_rule, print_rules

    if rule is None:
        print_rules(language.current())
        return 0
    if rule not in BY_NAME:
        raise UnknownName("rule", rule, BY_NAME)
    print_rule(BY_NAME[rule], language.current())
    return 0
