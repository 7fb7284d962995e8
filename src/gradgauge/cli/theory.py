"""`gradgauge theory`: what must happen in a wide random network, before anything is trained."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from gradgauge.cli.help import Command, Option
from gradgauge.cli.language import text
from gradgauge.cli.names import NETWORK, OPTIMIZER, QUANTITY
from gradgauge.cli.options import (
    COUNT,
    FROM_ZERO,
    NOT_NEGATIVE,
    POSITIVE,
    Number,
    data_option,
    lang_option,
    metavar,
    names_of,
    option,
)
from gradgauge.errors import InvalidValue
from gradgauge.places import check_folder

DEFAULT_OUT = Path("runs") / "theory"
MODES = ("critical", "batch_norm", "quantity", "diagram", "experiment")

_ANY_NUMBER = Number(float, "finite")
_SIZES = ("width", "depth", "seeds", "seed", "samples")
_EXPERIMENT = (
    "sigma_ws",
    "depths",
    "rates",
    "optimizer",
    "batch_size",
    "epochs",
    "dataset",
    "train_samples",
    "test_samples",
)
_FIGURES = (
    "keep",
    "c0",
    "eta",
    "q0",
    "q",
    "sigma_v",
    "sigma_a",
    "p0",
    "negative_slope",
    "strength",
    "start",
    "end",
    "time_constant",
)
_VALUES = {"batch_norm": "N|inf", **dict.fromkeys(("sigma_ws", "depths", "rates"), "A,B,...")}
"""What stands for values of more than one form."""

_NAMED = {"quantity": QUANTITY, "optimizer": OPTIMIZER}
_TAKES = {
    "predict": ("sigma_w", "sigma_b"),
    "critical": ("sigma_b",),
    "batch_norm": ("batch_norm",),
    "diagram": ("sigma_w", "sigma_b", "points"),
    "experiment": ("sigma_b", "width", "seeds", "seed", *_EXPERIMENT),
}
"""Mode -> the options beside it; --quantity's are the quantity's own."""


def _option(name: str, **attributes: Any) -> Callable[[Any], Any]:
    """An option whose help is the catalogue's `theory_command.option.NAME`."""
    key = name.lstrip("-").replace("-", "_")
    if not attributes.get("is_flag"):
        attributes["metavar"] = _VALUES.get(key) or metavar(attributes.get("type"), key)
    return click.option(
        *names_of(name), cls=Option, said=f"theory_command.option.{key}", **attributes
    )


def _options(command: Any) -> Any:
    """All options but those that every command has."""
    whole = (
        "width",
        "depth",
        "seeds",
        "samples",
        "points",
        "train_samples",
        "test_samples",
        "batch_size",
        "epochs",
    )
    kinds: dict[str, Any] = dict.fromkeys(whole, COUNT)
    kinds |= {"sigma_w": NOT_NEGATIVE, "sigma_b": NOT_NEGATIVE, "seed": FROM_ZERO}
    kinds |= dict.fromkeys(("c0", "negative_slope"), _ANY_NUMBER)
    kinds |= dict.fromkeys(("q", "sigma_v", "sigma_a"), NOT_NEGATIVE)
    names = (
        "sigma_w",
        "sigma_b",
        "batch_norm",
        "quantity",
        *_SIZES,
        "points",
        *_EXPERIMENT,
        *_FIGURES,
    )
    command = data_option(said="theory_command.option.dataset")(command)
    for name in reversed([name for name in names if name != "dataset"]):
        texts = ("batch_norm", "quantity", "sigma_ws", "depths", "rates", "optimizer")
        kind = _NAMED.get(name) if name in texts else kinds.get(name, POSITIVE)
        command = _option(f"--{name.replace('_', '-')}", type=kind)(command)
    for name in reversed(("critical", "measure", "diagram", "experiment")):
        command = _option(f"--{name}", is_flag=True)(command)
    return command


_SECTIONS = {
    "experiment": ("points", *_EXPERIMENT),
    "quantity": _FIGURES,
}
"""Heading on the help page -> the options under it."""


@click.command(cls=Command, below="theory_command.epilog", sections=_SECTIONS)
@click.argument("subject", required=False, type=NETWORK)
@_options
@_option("--out", type=click.Path(path_type=Path), default=DEFAULT_OUT)
@option("--json", is_flag=True)
@option("--quiet", is_flag=True)
@lang_option()
def command(
    subject: str | None,
    measure: bool,
    out: Path,
    json: bool,
    quiet: bool,
    lang: str | None,  # noqa: ARG001
    **options: Any,
) -> int:
    """Find the mode, check what goes with it, and do it."""
    from gradgauge.cli import _theory as actions

    given = {k: v for k, v in options.items() if v is not None and v is not False}
    mode = _mode(given, measure)
    if mode == "quantity" and given["quantity"] == "list":
        return actions.show_list(json)
    _check_sigmas(given)
    if measure or mode in ("diagram", "experiment"):
        check_folder(out)
    output = actions.Output(out, json, quiet)
    if mode == "quantity":
        return actions.show_quantity(subject, given, measure, output)
    if subject is None:
        raise click.UsageError(text("errors.missing_argument", name="SUBJECT"))
    from gradgauge.parts.activations import ACTIVATIONS
    from gradgauge.spec.notation import looks_like_notation

    if subject not in ACTIVATIONS and looks_like_notation(subject):
        _only(given, ("seeds", "seed", "samples") if measure else (), mode)
        return actions.show_network(subject, given, measure, output)
    _only(given, (*_TAKES[mode], *(_SIZES if measure else ())), mode)
    action = {
        "predict": actions.show_prediction,
        "batch_norm": actions.show_batch_norm,
        "critical": actions.show_critical,
        "diagram": actions.show_diagram,
        "experiment": actions.show_experiment,
    }[mode]
    return action(subject, given, measure, output)


def _mode(given: dict[str, Any], measure: bool) -> str:
    """The one thing that is asked for.

    Raises:
        UsageError: several are, or --measure of what is not measured.
    """
    modes = [mode for mode in MODES if mode in given]
    if len(modes) > 1:
        first, second = (f"--{mode.replace('_', '-')}" for mode in modes[:2])
        raise click.UsageError(text("theory_command.errors.both", first=first, second=second))
    if measure and modes and modes[0] in ("critical", "diagram", "experiment"):
        both = {"first": f"--{modes[0]}", "second": "--measure"}
        raise click.UsageError(text("theory_command.errors.both", **both))
    mode = modes[0] if modes else "predict"
    for flag in ("critical", "diagram", "experiment"):
        given.pop(flag, None)
    return mode


def _only(given: dict[str, Any], known: tuple[str, ...], mode: str) -> None:
    """Raise unless every option given goes with the mode."""
    for name in given:
        if name not in known and name != mode:
            flag = f"--{name.replace('_', '-')}"
            taken = ", ".join(f"--{k.replace('_', '-')}" for k in known) or "--measure"
            raise click.UsageError(text("theory_command.errors.not_here", option=flag, known=taken))


def _check_sigmas(given: dict[str, Any]) -> None:
    from gradgauge.spec.checks import not_negative
    from gradgauge.theory.quantity import LARGEST_SIGMA

    for name in ("sigma_w", "sigma_b"):
        if name in given:
            not_negative(name, given[name])
            if given[name] > LARGEST_SIGMA:
                raise InvalidValue(name, given[name], "at_most_least", most=LARGEST_SIGMA)
