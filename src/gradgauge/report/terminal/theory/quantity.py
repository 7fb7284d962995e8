"""Everything else that theory knows, by name: the list, and one quantity's figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gradgauge.report.terminal.theory.page import DIGITS, Page
from gradgauge.report.words.numbers import NO_VALUE, number
from gradgauge.theory.quantity import REQUIRED, Answer, Quantity

if TYPE_CHECKING:
    from gradgauge.study.theory.measurement import Measurement


def print_list(quantities: Mapping[str, Quantity], lang: str) -> None:
    """Every quantity, what it is, its options and its paper."""
    page = Page(lang)
    for quantity in quantities.values():
        options = [_with_default(o, d) for o, d in quantity.options.items() if o != "activation"]
        if quantity.options.get("activation") is REQUIRED:
            options.insert(0, "SUBJECT")
        taken = " ".join(options) or NO_VALUE
        page.lines(_about(page, quantity), f"    {taken}", f"    {quantity.paper}")


def print_answer(
    quantity: Quantity,
    values: Mapping[str, Any],
    answer: Answer,
    measurement: Measurement | None,
    lang: str,
) -> None:
    """A quantity's figures by name, and where they come from."""
    page = Page(lang)
    page.heading(_about(page, quantity))
    page.lines(", ".join(f"{name} = {value}" for name, value in values.items()))
    page.values([name, _figure(x, DIGITS)] for name, x in answer.figures.items())
    if kind := answer.figures.get("kind"):
        facts = {name: _figure(x, 4) for name, x in answer.figures.items()}
        page.lines(page.say(f"theory.advice.{kind}", **facts, **values))
    page.notes(answer.reasons)
    if measurement:
        page.measured(measurement)
        page.size(measurement)
    page.lines(page.say("theory_command.paper", paper=quantity.paper))


def _about(page: Page, quantity: Quantity) -> str:
    about = page.say(f"theory_command.about.{quantity.name.replace('-', '_')}")
    return f"{quantity.name}: {about}"


def _figure(value: float | str | None, digits: int) -> str:
    return value if isinstance(value, str) else number(value, digits)


def _with_default(option: str, default: Any) -> str:
    flag = f"--{option.replace('_', '-')}"
    return flag if default in (REQUIRED, None) else f"{flag} ({default:g})"
