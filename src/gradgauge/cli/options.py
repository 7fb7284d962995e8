"""Options and argument types that commands share; help texts come from the catalogue."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from gradgauge.cli.language import text
from gradgauge.errors import InvalidValue

if TYPE_CHECKING:
    _ParamType = click.ParamType[Any]
else:  # older clicks have no type argument there
    _ParamType = click.ParamType


class Number(_ParamType):
    """A number as text: what is not one is our error, in the user's language."""

    kind: type[int] | type[float]
    requirement: str
    facts: dict[str, object]

    def __init__(self, kind: type, requirement: str, **facts: object):
        self.kind, self.requirement, self.facts = kind, requirement, facts
        self.name = "number"

    def convert(
        self,
        value: Any,
        param: click.Parameter | None,
        ctx: click.Context | None,  # noqa: ARG002
    ) -> Any:
        try:
            return self.kind(value)
        except ValueError:
            field = param.name if param else "value"
            raise InvalidValue(field or "value", value, self.requirement, **self.facts) from None


COUNT: Number = Number(int, "whole_number", least=1)
FROM_ZERO: Number = Number(int, "whole_number", least=0)
POSITIVE: Number = Number(float, "positive")
NOT_NEGATIVE: Number = Number(float, "not_negative")


def option(*names: str, **attributes: Any) -> Callable[[Any], Any]:
    """A click option whose help is the catalogue's `help.option.NAME`."""
    key = names[0].lstrip("-").replace("-", "_")
    attributes.setdefault("help", text(f"help.option.{key}"))
    if not attributes.get("is_flag"):
        attributes.setdefault("metavar", key.upper())
    return click.option(*names, **attributes)


def data_option(**attributes: Any) -> Callable[[Any], Any]:
    """`--data`, or `--dataset`: one option, in every command that trains on something."""
    attributes = {"help": text("help.option.dataset"), "metavar": "DATA", **attributes}
    return click.option("--data", "--dataset", "dataset", **attributes)


def lang_option() -> Callable[[Any], Any]:
    """`--lang`, read by `language.choose` already; here for the help and the parser."""
    return option("--lang", metavar="en|ko")


def training_options(command: Any) -> Any:
    """The fields of TrainingSpec but `seeds`; unset ones stay at their defaults."""
    for decorate in reversed(
        (
            option("--optimizer"),
            option("--learning-rate", type=POSITIVE),
            option("--batch-size", type=COUNT),
            option("--epochs", type=COUNT),
            option("--loss"),
            option("--momentum", type=NOT_NEGATIVE),
            option("--weight-decay", type=NOT_NEGATIVE),
            option("--schedule"),
            option("--warmup-steps", type=FROM_ZERO),
            option("--clip-norm", type=NOT_NEGATIVE),
            option("--dtype"),
        )
    ):
        command = decorate(command)
    return command
