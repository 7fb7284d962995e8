"""The raw figures: every gauge of every layer, before and after training."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from html import escape

from gradgauge.messages.catalog import sentence
from gradgauge.report.charts._rows import has_meaning, smallest_told, trained
from gradgauge.report.page.tables import folded, scrolling, table
from gradgauge.report.words.numbers import NO_VALUE, resolved
from gradgauge.run import Run
from gradgauge.study.by_layer import MOMENTS, by_layer
from gradgauge.study.compare.result import Comparison

QUANTITIES = (
    "delta_norm",
    "g_norm",
    "backward_gain",
    "slope_gain",
    "weight_gain",
    "weight_grad_norm",
    "weight_grad_rms",
    "weight_norm",
    "signal_spread",
    "z_mean",
    "z_std",
    "h_mean",
    "h_std",
    "saturated",
    "inactive",
    "dead",
)
"""By the names that JSON and the Runs have, too."""


def figure_rows(comparison: Comparison, name: str, moment: str, lang: str) -> list[list[str]]:
    """One row a layer: its number, then QUANTITIES."""
    network = comparison.networks[name]
    output = sentence("report.figures.output_layer", lang, layer=network.depth + 1)
    labels = [*map(str, range(1, network.depth + 1)), output]
    return run_rows(comparison.run(name), moment, labels, functools.partial(has_meaning, network))


def run_rows(
    run: Run, moment: str, labels: Sequence[str], meaning: Callable[[str, int], bool]
) -> list[list[str]]:
    """One row a layer of a Run.

    Args:
        run: the Run.
        moment: `first` or `last`.
        labels: the layers', in order.
        meaning: whether a quantity is defined at a layer, counted from 1.
    """
    columns = {quantity: by_layer(run, quantity, moment) for quantity in QUANTITIES}
    return [
        [label]
        + [
            resolved(values[at], smallest_told(run, quantity))
            if meaning(quantity, at + 1)
            else NO_VALUE
            for quantity, values in columns.items()
        ]
        for at, label in enumerate(labels)
    ]


def figure_tables(comparison: Comparison, lang: str) -> str:
    """The section's HTML: a table for every network and moment, folded away."""
    networks = trained(comparison)
    if not networks:
        return ""
    title = sentence("report.heading.figures", lang)
    note = sentence("report.figures.note", lang)
    parts = [f'<h2 id="figures-title">{escape(title)}</h2>', f"<p>{escape(note)}</p>"]
    head = [sentence("report.column.layer", lang), *QUANTITIES]
    for name, run in networks:
        tables = []
        for moment in MOMENTS:
            key = "caption" if len(run.seeds) == 1 else "caption_seeds"
            words = {"name": name, "moment": sentence(f"report.moment.{moment}", lang)}
            caption = sentence(f"report.figures.{key}", lang, **words)
            rows = figure_rows(comparison, name, moment, lang)
            tables.append(scrolling(table(head, rows, caption), caption))
        count = comparison.networks[name].depth + 1
        opened = sentence("report.figures.open", lang, name=name, count=count)
        parts.append(folded(opened, "".join(tables)))
    return "".join(parts)
