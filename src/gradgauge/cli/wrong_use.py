"""What a user typed wrong, in words of the catalogue: click's own complaints, and options by the
names that they have on a command line."""

from __future__ import annotations

import re
from collections.abc import Sequence

import click

from gradgauge.cli import language
from gradgauge.cli.language import text
from gradgauge.errors import GradgaugeError, InvalidValue, UnknownName

_EXTRA = re.compile(r"Got unexpected extra arguments? \((.*)\)", re.DOTALL)
"""click's only word about an argument too many; it keeps them nowhere else."""


def usage_sentence(error: click.UsageError, command: click.Command | None) -> str:
    """What click found wrong with the options and arguments of `command` (None: of `gradgauge`
    itself), and where the help is."""
    params = command.params if command else error.ctx.command.params if error.ctx else []
    if isinstance(error, click.NoSuchOption):
        known = [name for p in params for name in p.opts if name.startswith("--")]
        named = UnknownName("option", error.option_name, [*known, "--help"])
        return named.sentence(language.current())
    called = f"gradgauge {command.name}" if command else "gradgauge"
    return text("errors.usage", problem=_problem(error, params), command=called)


def _problem(error: click.UsageError, params: Sequence[click.Parameter]) -> str:
    if isinstance(error, click.BadOptionUsage):
        takes_none = any(
            error.option_name in p.opts and getattr(p, "is_flag", False) for p in params
        )
        kind = "option_takes_none" if takes_none else "option_needs_value"
        return text(f"errors.{kind}", option=error.option_name)
    if isinstance(error, click.MissingParameter) and error.param is not None:
        if isinstance(error.param, click.Option):
            return text("errors.missing_option", name=_long_name(error.param))
        return text("errors.missing_argument", name=error.param.human_readable_name)
    if found := _EXTRA.fullmatch(error.message):
        return text("errors.extra_argument", given=found[1])
    return error.format_message()


def as_typed(error: GradgaugeError, command: click.Command | None) -> GradgaugeError:
    """The same mistake, about the option that `command` has for the field: `--batch-size` for
    `batch_size`."""
    if not isinstance(error, InvalidValue) or command is None:
        return error
    for param in command.params:
        if isinstance(param, click.Option) and param.name == error.field:
            return InvalidValue(_long_name(param), error.value, error.requirement, **error.facts)
    return error


def _long_name(option: click.Option) -> str:
    return next((name for name in option.opts if name.startswith("--")), option.opts[0])
