"""The page of a single Run: somebody's own training, watched, or one network of a comparison."""

from __future__ import annotations

import json
import math
from html import escape
from typing import Any

from gradgauge.gauges.norms import decades
from gradgauge.messages.catalog import sentence
from gradgauge.report.charts.watched import (
    COURSE,
    EVOLUTION,
    GAINS,
    LEARNING,
    SIGNAL,
    STREAM,
    UNITS,
)
from gradgauge.report.charts.watched_run import WatchedRun
from gradgauge.report.page.chart_html import chart_figure
from gradgauge.report.page.gauge_tables import quantities_of, run_rows
from gradgauge.report.page.page import Section, as_sections, heading, page, prose
from gradgauge.report.page.tables import folded, scrolling, table
from gradgauge.report.words.numbers import NO_VALUE, number, signed_decades
from gradgauge.report.words.parameter_groups import TEXT_COLUMNS, group_rows, heads
from gradgauge.run import Run
from gradgauge.study.by_layer import by_layer
from gradgauge.watchers import LayerInfo


def watched_page(run: Run, lang: str = "en") -> str:
    """The report of one Run as one page of HTML."""
    watched = WatchedRun(run, lang)
    return page(_title(run, lang), _standfirst(watched), watched_sections(watched), lang)


def watched_sections(watched: WatchedRun) -> list[Section]:
    """The page's parts in order; those that have nothing to show are left out."""
    return as_sections(
        [
            ("signal", _charts("signal", watched, SIGNAL)),
            ("learning", _charts("learning", watched, LEARNING, COURSE, EVOLUTION)),
            ("gains", _charts("gains", watched, GAINS)),
            ("stream", _charts("stream", watched, STREAM)),
            ("units", _charts("units", watched, UNITS)),
            ("parameter_groups", _groups(watched)),
            ("layers", _layers(watched)),
            ("unseen", _unseen(watched)),
            ("figures", _figures(watched)),
            ("origin", _origin(watched)),
        ]
    )


def _title(run: Run, lang: str) -> str:
    return sentence("watch.report.title", lang, name=run.name, steps=_steps(run))


def _steps(run: Run) -> str:
    return f"{int(run.figure('steps_done').max()) if run.seeds else 0:,}"


def _standfirst(watched: WatchedRun) -> str:
    lead = [_course_of_signal(watched, moment) for moment in watched.moments]
    if not any(lead):
        lead = [sentence("watch.report.no_signal", watched.lang)]
    notes = [_of_training(watched), *_non_finite(watched)]
    return (
        f'<p class="lead">{prose(" ".join(filter(None, lead)))}</p>'
        f'<p class="muted">{prose(" ".join(notes))}</p>'
    )


def _course_of_signal(watched: WatchedRun, moment: str) -> str:
    """The error signal at both ends: the last output, and the first layer that shows it."""
    delta = by_layer(watched.run, "delta_norm", moment)
    seen = [at for at, value in enumerate(delta) if not math.isnan(value)]
    outputs = [at for at in seen if watched.layers[at].output] or seen
    if not seen or outputs[-1] == seen[0]:
        return ""
    first, last = seen[0], outputs[-1]
    words = {
        "moment": watched.moments[moment],
        "first": watched.layers[first].name,
        "last": watched.layers[last].name,
        "at_first": number(delta[first]),
        "at_last": number(delta[last]),
    }
    if not (0 < delta[first] < math.inf and 0 < delta[last] < math.inf):
        return sentence("watch.report.signal_ends", watched.lang, **words)
    lost = signed_decades(decades(delta[first], delta[last]))
    return sentence("watch.report.signal", watched.lang, decades=lost, **words)


def _of_training(watched: WatchedRun) -> str:
    attributes, lang = watched.run.attributes, watched.lang
    probes = len(watched.run.groups["probes"].coords["probe_step"])
    batch = str(attributes.get("batch", "probe"))
    parts = [
        sentence(
            "watch.report.sizes",
            lang,
            layers=len(watched.layers),
            probes=probes,
            parameters=f"{int(attributes.get('parameters', 0)):,}",
        ),
        sentence(f"watch.report.batch_{batch}", lang),
    ]
    return " ".join(parts)


def _non_finite(watched: WatchedRun) -> list[str]:
    steps = watched.run.figure("non_finite_step")
    broken = [at for at, step in enumerate(steps) if step >= 0]
    if not broken:
        return []
    at = min(broken, key=lambda member: steps[member])
    layer = int(watched.run.figure("non_finite_layer")[at])
    return [
        sentence(
            "watch.report.non_finite",
            watched.lang,
            step=int(steps[at]),
            layer=watched.layers[layer - 1].name,
        )
    ]


def _charts(section: str, watched: WatchedRun, *charts: Any) -> str:
    alone = len(charts) == 1
    figures = [chart_figure(chart, watched, watched.lang, title=not alone) for chart in charts]
    if not any(figures):
        return ""
    key = f"report.chart.{charts[0].name}.title" if alone else f"report.section.{section}"
    return heading(section, sentence(key, watched.lang)) + "".join(figures)


def _groups(watched: WatchedRun) -> str:
    rows, lang = group_rows(watched.run), watched.lang
    if not rows:
        return ""
    title = sentence("watch.groups.title", lang)
    inner = table(heads(lang), rows, text_columns=TEXT_COLUMNS)
    note = escape(sentence("watch.groups.note", lang))
    return f"{heading('parameter_groups', title)}<p>{note}</p>{scrolling(inner, title)}"


_COLUMNS = ("layer", "kind", "activation", "units", "fan_in", "parameters", "remarks")


def _layers(watched: WatchedRun) -> str:
    lang = watched.lang
    head = [sentence(f"report.column.{column}", lang) for column in _COLUMNS]
    body = [
        [
            f"{at} · {layer.name}",
            sentence(f"watch.kind.{layer.kind}", lang),
            layer.activation or sentence("watch.report.unknown", lang),
            _count(layer.units),
            _count(layer.fan_in),
            f"{layer.parameters:,}",
            ", ".join(_remarks(layer, lang)),
        ]
        for at, layer in enumerate(watched.layers, 1)
    ]
    title = sentence("watch.report.layers", lang)
    inner = table(head, body, text_columns=frozenset({1, 2, 6}))
    return (
        heading("layers", title)
        + f"<p>{escape(sentence('watch.report.layers_note', lang))}</p>"
        + scrolling(inner, title)
    )


def _count(value: int) -> str:
    return f"{value:,}" if value else NO_VALUE


def _remarks(layer: LayerInfo, lang: str) -> list[str]:
    holds = {
        "output": layer.output,
        "frozen": not layer.trainable,
        "uncalled": not layer.called,
        "derived": layer.derived,
    }
    told = [sentence(f"watch.report.is_{key}", lang) for key, is_so in holds.items() if is_so]
    if layer.shares:
        told.append(sentence("watch.report.is_shared", lang, layer=layer.shares))
    return told


def _unseen(watched: WatchedRun) -> str:
    notes = watched.run.notes
    if not notes:
        return ""
    items = "".join(f"<li>{escape(note.sentence(watched.lang))}</li>" for note in notes)
    title = heading("unseen", sentence("watch.report.unseen", watched.lang))
    return f"{title}<ul>{items}</ul>"


def _figures(watched: WatchedRun) -> str:
    lang = watched.lang
    if not watched.moments:
        return ""
    head = [sentence("report.column.layer", lang), *quantities_of(watched.run)]
    labels = [f"{at} · {layer.name}" for at, layer in enumerate(watched.layers, 1)]
    parts = []
    for moment, words in watched.moments.items():
        rows = run_rows(watched.run, moment, labels, watched.meaning)
        caption = sentence("watch.report.caption", lang, name=watched.run.name, moment=words)
        parts.append(folded(caption, scrolling(table(head, rows, caption), caption)))
    title = heading("figures", sentence("report.heading.figures", lang))
    return f"{title}<p>{escape(sentence('watch.report.figures_note', lang))}</p>{''.join(parts)}"


def _origin(watched: WatchedRun) -> str:
    attributes, lang = watched.run.attributes, watched.lang
    measured = ("framework", "framework_version", "device")
    facts = {
        "versions": f"gradgauge {attributes.get('gradgauge_version', '?')}",
        "framework": " ".join(str(attributes[key]) for key in measured if key in attributes),
        "notation": watched.run.notation,
    }
    training = json.loads(attributes.get("training") or "{}")
    if training:
        facts["training"] = ", ".join(f"{key} {value}" for key, value in training.items())
    terms = "".join(
        f"<dt>{escape(sentence(f'watch.report.of_{key}', lang))}</dt><dd>{escape(value)}</dd>"
        for key, value in facts.items()
        if value
    )
    title = heading("origin", sentence("watch.report.origin", lang))
    return f"{title}<dl>{terms}</dl>"
