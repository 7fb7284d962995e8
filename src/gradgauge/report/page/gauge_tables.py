"""The raw figures: every gauge of every layer, before and after training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

import numpy as np

from gradgauge.gauges import WATCHED_QUANTITIES
from gradgauge.messages.catalog import sentence
from gradgauge.report.charts.rows import meaning, smallest_told, trained
from gradgauge.report.page.tables import folded, scrolling, table
from gradgauge.report.words.layer_groups import short_names
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
    """One row a layer: its number or name, then `quantities_of` the Run."""
    run = comparison.run(name)
    return run_rows(run, moment, layer_labels(run, lang), meaning(run))


def quantities_of(run: Run) -> tuple[str, ...]:
    """QUANTITIES, and those of watched layers that this Run has seen."""
    probes = run.groups["probes"].variables
    seen = [n for n in WATCHED_QUANTITIES if n in probes and np.isfinite(probes[n][1]).any()]
    return (*QUANTITIES, *seen)


def layer_labels(run: Run, lang: str) -> list[str]:
    """The layers' numbers, with what somebody's own network calls them."""
    layers = run.layers
    if not run.notation:
        names = short_names([layer.name for layer in layers])
        return [f"{at} {name}" for at, name in enumerate(names, 1)]
    output = sentence("report.figures.output_layer", lang, layer=len(layers))
    return [*map(str, range(1, len(layers))), output]


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
    columns = {quantity: by_layer(run, quantity, moment) for quantity in quantities_of(run)}
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
    for name, run in networks:
        head = [sentence("report.column.layer", lang), *quantities_of(run)]
        tables = []
        for moment in MOMENTS:
            key = "caption" if len(run.seeds) == 1 else "caption_seeds"
            words = {"name": name, "moment": sentence(f"report.moment.{moment}", lang)}
            caption = sentence(f"report.figures.{key}", lang, **words)
            rows = figure_rows(comparison, name, moment, lang)
            tables.append(scrolling(table(head, rows, caption), caption))
        count = len(run.layers)
        opened = sentence("report.figures.open", lang, name=name, count=count)
        parts.append(folded(opened, "".join(tables)))
    return "".join(parts)
