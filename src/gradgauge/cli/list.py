"""`gradgauge list`: the names that options and notations take."""

from __future__ import annotations

from collections.abc import Callable

import click

from gradgauge.cli.help import Command
from gradgauge.cli.language import text
from gradgauge.cli.names import LIST
from gradgauge.cli.options import lang_option
from gradgauge.errors import UnknownName


def _activations() -> dict[str, str]:
    from gradgauge.parts.activations import ACTIVATIONS

    return {
        a.name: f"{a.paper}; max |f'| = {a.max_slope:.6g}; Keras {a.keras}; PyTorch {a.pytorch}"
        for a in ACTIVATIONS.values()
    }


def _initializers() -> dict[str, str]:
    from gradgauge.parts.initializers import INITIALIZERS

    return {i.name: i.paper for i in INITIALIZERS.values()}


def _normalizations() -> dict[str, str]:
    from gradgauge.parts.normalizations import NORMALIZATIONS

    return {n.name: n.paper for n in NORMALIZATIONS.values()}


def _optimizers() -> dict[str, str]:
    from gradgauge.parts.optimizers import OPTIMIZERS

    return {o.name: o.form for o in OPTIMIZERS.values()}


def _losses() -> dict[str, str]:
    from gradgauge.parts.losses import LOSSES

    return {x.name: x.output_activation for x in LOSSES.values()}


def _datasets() -> dict[str, str]:
    from gradgauge.datasets import NAMES

    return {name: text(f"help.list.dataset.{name}") for name in NAMES}


def _presets() -> dict[str, str]:
    from gradgauge.spec.notation import write
    from gradgauge.spec.presets import PRESETS

    return {
        name: "; ".join(f"{key}: {write(spec)}" for key, spec in networks.items())
        for name, networks in PRESETS.items()
    }


LISTS: dict[str, Callable[[], dict[str, str]]] = {
    "activations": _activations,
    "initializers": _initializers,
    "normalizations": _normalizations,
    "optimizers": _optimizers,
    "losses": _losses,
    "datasets": _datasets,
    "presets": _presets,
}


_FIRST = "activations"
"""What is listed where nothing is named."""


@click.command(cls=Command)
@click.argument("what", required=False, type=LIST)
@lang_option()
def command(what: str | None, lang: str | None) -> None:  # noqa: ARG001, D103
    shown = what or _FIRST
    if shown not in LISTS:
        raise UnknownName("list", shown, LISTS)
    rows = LISTS[shown]()
    width = max(map(len, rows))
    for name, note in rows.items():
        click.echo(f"{name:{width}}  {note}")
    if what is None:
        others = ", ".join(f"gradgauge list {name}" for name in LISTS if name != shown)
        click.echo(text("help.list.others", commands=others), err=True)
