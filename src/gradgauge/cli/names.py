"""Arguments that name something: what the shell completes them to.

`_GRADGAUGE_COMPLETE=bash_source gradgauge` prints the script that asks for it; README.md says
where it goes. A name that does not exist is refused by whoever reads it, in the user's language.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from gradgauge.messages.catalog import LANGUAGES

if TYPE_CHECKING:
    _ParamType = click.ParamType[Any]
else:  # older clicks have no type argument there
    _ParamType = click.ParamType


class Name(_ParamType):
    """A name out of a list, which is imported when it is asked for.

    Args:
        known: the names, or `module:LIST` that holds them, or objects that are called so.
        files: whether a file's path is understood as well.
    """

    name = "text"
    known: Iterable[str] | str
    files: bool

    def __init__(self, known: Iterable[str] | str, files: bool = False):
        self.known, self.files = known, files

    def names(self) -> list[str]:
        """All that there are."""
        entries: Iterable[Any]
        if isinstance(self.known, str):
            module, _, name = self.known.partition(":")
            entries = getattr(importlib.import_module(module), name)
        else:
            entries = self.known
        return [getattr(entry, "name", entry) for entry in entries]

    def shell_complete(
        self,
        ctx: click.Context,  # noqa: ARG002
        param: click.Parameter,  # noqa: ARG002
        incomplete: str,
    ) -> list[CompletionItem]:
        begun = [
            CompletionItem(name)
            for name in self.names()
            if name.lower().startswith(incomplete.lower())
        ]
        return begun + [CompletionItem(incomplete, type="file")] * self.files


NETWORK = Name("gradgauge.parts.activations:ACTIVATIONS")
TARGET = Name("gradgauge.parts.activations:ACTIVATIONS", files=True)
DATA = Name("gradgauge.datasets:NAMES", files=True)
FILE = Name((), files=True)
PRESET = Name("gradgauge.spec.presets:PRESETS")
OPTIMIZER = Name("gradgauge.parts.optimizers:OPTIMIZERS")
LOSS = Name("gradgauge.parts.losses:LOSSES")
SCHEDULE = Name("gradgauge.spec.training:SCHEDULES")
DTYPE = Name("gradgauge.spec.training:DTYPES")
RULE = Name("gradgauge.diagnosis.rules:BY_NAME")
QUANTITY = Name("gradgauge.theory.quantities:QUANTITIES")
LIST = Name("gradgauge.cli.list:LISTS")
CHART = Name("gradgauge.report.charts:CHARTS")
LANGUAGE = Name(LANGUAGES)
