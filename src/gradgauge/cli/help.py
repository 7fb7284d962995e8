"""Help pages in the chosen language: every text is a key until it is shown, so that two languages
can follow each other in one process, and click itself stays as it is for other programs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click

from gradgauge.cli.language import text

_WORDS_OF_CLICK = {
    "[OPTIONS]": "options",
    "COMMAND [ARGS]...": "command",
    "[required]": "required",
    "Show the version and exit.": "version",
    "Show this message and exit.": "help",
}
"""What click writes of its own accord -> the catalogue's `help.click.NAME`."""


def _in_language(words: str) -> str:
    for of_click, name in _WORDS_OF_CLICK.items():
        words = words.replace(of_click, text(f"help.click.{name}"))
    return words


class HelpFormatter(click.HelpFormatter):
    """click's help page with its headings and its own words from the catalogue."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        usage = prefix or f"{text('help.heading.usage')} "
        super().write_usage(prog, _in_language(args), usage)

    def write_dl(
        self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2
    ) -> None:
        super().write_dl([(term, _in_language(said)) for term, said in rows], col_max, col_spacing)

    def write_heading(self, heading: str) -> None:
        super().write_heading(text(f"help.heading.{heading.lower()}"))


class Context(click.Context):
    """click's context, with our help pages."""

    formatter_class: type[click.HelpFormatter] = HelpFormatter


class Option(click.Option):
    """An option whose help is a sentence of the catalogue.

    Args:
        said: its key.
    """

    said: str
    help: str | None

    def __init__(self, *arguments: Any, said: str, **attributes: Any):
        super().__init__(*arguments, **attributes)
        self.said = said

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        self.help = text(self.said)
        return super().get_help_record(ctx)


class Command(click.Command):
    """A command of ours.

    Args:
        below: key of what stands below its options; None: nothing.
        sections: a heading's name in the catalogue -> names of the options that stand under it,
            after all others.
    """

    context_class: type[click.Context] = Context
    below: str | None
    epilog: str | None
    sections: Mapping[str, Sequence[str]]

    def __init__(
        self,
        *arguments: Any,
        below: str | None = None,
        sections: Mapping[str, Sequence[str]] | None = None,
        **attributes: Any,
    ):
        super().__init__(*arguments, **attributes)
        self.below, self.sections = below, sections or {}

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        section_of = {name: key for key, names in self.sections.items() for name in names}
        records: dict[str, list[tuple[str, str]]] = {
            "Options": [],
            **{k: [] for k in self.sections},
        }
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None and isinstance(param, click.Option):
                records[section_of.get(param.name or "", "Options")].append(record)
        for heading, rows in records.items():
            with formatter.section(heading):
                formatter.write_dl(rows)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        self.epilog = text(self.below) if self.below else None
        super().format_epilog(ctx, formatter)
