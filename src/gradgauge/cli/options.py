"""Options and argument types that commands share; help texts come from the catalogue."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from gradgauge.cli.help import Option
from gradgauge.cli.names import DATA, DTYPE, LANGUAGE, LOSS, OPTIMIZER, SCHEDULE, Name
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
            field = param.name if param else None
            raise InvalidValue(field or "value", value, self.requirement, **self.facts) from None


COUNT: Number = Number(int, "whole_number", least=1)
FROM_ZERO: Number = Number(int, "whole_number", least=0)
POSITIVE: Number = Number(float, "positive")
NOT_NEGATIVE: Number = Number(float, "not_negative")


_SHORT = {"--out": "-o", "--quiet": "-q"}


def option(*names: str, **attributes: Any) -> Callable[[Any], Any]:
    """A click option whose help is the catalogue's `help.option.NAME`, or what `said` names."""
    key = names[0].lstrip("-").replace("-", "_")
    attributes.setdefault("said", f"help.option.{key}")
    if not attributes.get("is_flag"):
        attributes.setdefault("metavar", metavar(attributes.get("type"), key))
    return click.option(*names_of(*names), cls=Option, **attributes)


def names_of(*names: str) -> tuple[str, ...]:
    """An option's names, with the short one that is everybody's where it has one."""
    short = _SHORT.get(names[0])
    return (short, *names) if short else names


def metavar(kind: object, key: str) -> str:
    """What stands for an option's value; not its name once more."""
    if isinstance(kind, Number):
        return "N" if kind.kind is int else "NUMBER"
    if isinstance(kind, click.Path):
        return "PATH"
    return "NAME" if isinstance(kind, Name) else key.upper()


def data_option(**given: Any) -> Callable[[Any], Any]:
    """`--data`, or `--dataset`: one option, in every command that trains on something."""
    attributes = {"said": "help.option.dataset", "metavar": "DATA", "type": DATA}
    attributes |= given
    return click.option("--data", "--dataset", "dataset", cls=Option, **attributes)


def lang_option() -> Callable[[Any], Any]:
    """`--lang`, read by `language.choose` already; here for the help and the parser."""
    return option("--lang", metavar="en|ko", type=LANGUAGE)


def training_options(command: Any) -> Any:
    """The fields of TrainingSpec but `seeds`; unset ones stay at their defaults."""
    for decorate in reversed(
        (
            option("--optimizer", type=OPTIMIZER),
            option("--learning-rate", type=POSITIVE),
            option("--batch-size", type=COUNT),
            option("--epochs", type=COUNT),
            option("--loss", type=LOSS),
            option("--momentum", type=NOT_NEGATIVE),
            option("--weight-decay", type=NOT_NEGATIVE),
            option("--schedule", type=SCHEDULE),
            option("--warmup-steps", type=FROM_ZERO),
            option("--clip-norm", type=NOT_NEGATIVE),
            option("--dtype", type=DTYPE),
        )
    ):
        command = decorate(command)
    return command
