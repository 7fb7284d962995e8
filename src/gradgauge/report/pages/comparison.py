"""The report's sections: each a heading, words, pictures, tables."""

from __future__ import annotations

from html import escape

from gradgauge.messages.catalog import sentence
from gradgauge.parts.losses import LOSSES
from gradgauge.report.charts.course import COURSE
from gradgauge.report.charts.evolution import EVOLUTION
from gradgauge.report.charts.gains import GAINS
from gradgauge.report.charts.learning import LEARNING
from gradgauge.report.charts.signal import SIGNAL
from gradgauge.report.charts.units import UNITS
from gradgauge.report.page.chart_html import chart_figure
from gradgauge.report.page.gauge_tables import figure_tables
from gradgauge.report.page.page import Section, as_sections, heading, how_to_repeat, prose
from gradgauge.report.page.tables import folded, scrolling, table
from gradgauge.report.words.answer import answer
from gradgauge.report.words.explain import explain_network
from gradgauge.report.words.facts import all_facts, most_affected
from gradgauge.report.words.headline import against_best, verdict
from gradgauge.report.words.layer_groups import layer_groups
from gradgauge.report.words.lesson import Lesson, lesson
from gradgauge.report.words.numbers import NO_VALUE, fixed, interval
from gradgauge.report.words.summary import summary_table
from gradgauge.run import Run
from gradgauge.spec.network import NetworkSpec
from gradgauge.spec.shell import quoted
from gradgauge.study.compare.artifacts import NOTHING_WRITTEN, Artifacts
from gradgauge.study.compare.json import training_of
from gradgauge.study.compare.result import Comparison


def all_sections(
    comparison: Comparison, lang: str, artifacts: Artifacts = NOTHING_WRITTEN
) -> list[Section]:
    """The page's parts in order; those that have nothing to show are left out."""
    parts = [
        ("signal", _signal(comparison, lang)),
        ("happened", _happened(comparison, lang, artifacts)),
        ("learning", _learning(comparison, lang)),
        ("lesson", _lesson(comparison, lang)),
        ("structure", _structure(comparison, lang)),
        ("figures", figure_tables(comparison, lang)),
        ("repeat", _repeat(comparison, lang, artifacts)),
    ]
    return as_sections(parts)


def standfirst(comparison: Comparison, lang: str) -> str:
    """What stands right under the title: how sure it is, and how it was trained."""
    told = [
        answer(comparison, lang),
        verdict(comparison, lang),
        *against_best(comparison, lang),
    ]
    html = [f'<p class="lead">{prose(text)}</p>' for text in told if text]
    notes = [_of_training(comparison, lang)]
    if len(comparison.names) == 1 and len(comparison.spec.training.seeds) == 1:
        notes.append(sentence("report.one_seed", lang))
    if comparison.interrupted:
        notes.append(sentence("report.interrupted", lang))
    notes += [
        sentence("report.not_trained", lang, name=name)
        for name, run in comparison.runs.items()
        if not run.seeds
    ]
    html.append(f'<p class="muted">{prose(" ".join(notes))}</p>')
    return "\n".join(html)


def _of_training(comparison: Comparison, lang: str) -> str:
    training, data = comparison.spec.training, comparison.data
    kinds = ("_own_one", "_own") if not comparison.networks else ("_one", "")
    kind = kinds[0] if len(training.seeds) == 1 else kinds[1]
    return sentence(
        f"report.of_training{kind}",
        lang,
        dataset=data.name,
        train=f"{data.train:,}",
        test=f"{data.test:,}",
        optimizer=training.optimizer,
        rate=f"{training.learning_rate:g}",
        batch=training.batch_size,
        epochs=training.epochs,
        seeds=len(training.seeds),
    )


def _signal(comparison: Comparison, lang: str) -> str:
    figure = chart_figure(SIGNAL, comparison, lang, title=False)
    if not figure:
        return ""
    title = sentence("report.chart.signal.title", lang)
    return heading("signal", title) + figure


def _happened(comparison: Comparison, lang: str, artifacts: Artifacts) -> str:
    facts = all_facts(comparison)
    if not facts:
        return ""
    title = sentence("report.heading.happened", lang)
    heads, rows = summary_table(comparison, lang)
    parts = [heading("happened", title), scrolling(table(heads, rows), title)]
    subject = most_affected(facts)
    told = " ".join(prose(text) for text in explain_network(subject, lang))
    parts.append(f"<h3>{escape(subject.name)}</h3><p>{told}</p>")
    others = [
        folded(f.name, "<p>" + " ".join(map(prose, explain_network(f, lang))) + "</p>")
        for f in facts
        if f is not subject
    ]
    notation = comparison.run(subject.name).notation
    if notation:
        hint = sentence("report.why_hint", lang, name=quoted(notation))
        others.append(f'<p class="muted">{prose(hint)}</p>')
    return "".join([*parts, *others, _why_link(artifacts, lang)])


def _why_link(artifacts: Artifacts, lang: str) -> str:
    """The way to the page that proves a cause, where there is one."""
    if artifacts.why is None:
        return ""
    words = sentence("report.why.link", lang, notation=artifacts.why_notation)
    return f'<p><a href="{escape(artifacts.why, quote=True)}">{prose(words)}</a></p>'


def _learning(comparison: Comparison, lang: str) -> str:
    charts = [chart_figure(chart, comparison, lang) for chart in (LEARNING, EVOLUTION, COURSE)]
    if not any(charts):
        return ""
    title = heading("learning", sentence("report.section.learning", lang))
    results = f"<h3>{escape(sentence('report.heading.results', lang))}</h3>"
    return title + results + results_table(comparison, lang) + "".join(charts)


def results_table(comparison: Comparison, lang: str) -> str:
    """Test figures of every network, with intervals."""
    kinds = ("test_accuracy", "test_loss") if comparison.has_accuracy else ("test_loss",)
    head = [sentence("report.column.network", lang)]
    for kind in kinds:
        head.append(sentence(f"report.quantity.{kind}", lang))
        head.append(sentence("report.column.interval", lang))
    several = len(comparison.spec.training.seeds) > 1
    if several:
        head.append(sentence("report.column.seeds", lang))
    body = []
    for name, run in comparison.runs.items():
        cells = [name]
        for kind in kinds:
            summary = getattr(comparison, kind)(name) if run.seeds else None
            cells += (
                [fixed(summary.mean), interval(summary.interval)] if summary else [NO_VALUE] * 2
            )
        if several:
            cells.append(" ".join(fixed(v) for v in run.figure(kinds[0])))
        body.append(cells)
    label = sentence("report.heading.results", lang)
    return scrolling(table(head, body), label)


def _lesson(comparison: Comparison, lang: str) -> str:
    told = lesson(comparison, lang)
    if told is None:
        return ""
    parts = [heading("lesson", sentence("report.heading.lesson", lang))]
    parts.append(f"<p>{prose(told.chain[0])}</p>{_FORMULA}<p>{prose(told.chain[1])}</p>")
    parts.append(f"<p>{prose(told.own)}</p>{_factors(told, lang)}")
    parts.append(f"<p>{prose(told.product)} {prose(told.limit)}</p>")
    parts += [chart_figure(chart, comparison, lang) for chart in (GAINS, UNITS)]
    parts += [f"<h3>{escape(title)}</h3><p>{prose(text)}</p>" for title, text in told.warnings]
    return "".join(parts)


_FORMULA = (
    '<p class="formula"><var>δ</var><sub>l</sub> = (<var>W</var><sub>l+1</sub><sup>T</sup>'
    " <var>δ</var><sub>l+1</sub>) ⊙ <var>f</var>\N{HAIR SPACE}′(<var>z</var><sub>l</sub>)</p>"
)


def _factors(told: Lesson, lang: str) -> str:
    head = [
        sentence(f"report.lesson.column_{c}", lang)
        for c in ("layer", "slopes", "weights", "gain", "signal")
    ]
    start = [told.output, NO_VALUE, NO_VALUE, NO_VALUE, told.start]
    body = [
        [str(f.layer), f.slopes, f"× {f.weights}", f"= {f.gain}", f.signal] for f in told.factors
    ]
    return scrolling(table(head, [start, *body]), told.own)


def _structure(comparison: Comparison, lang: str) -> str:
    output = LOSSES[comparison.spec.training.loss].output_activation
    blocks = []
    for name, run in comparison.runs.items():
        network = comparison.networks.get(name)
        body = [_input_row(comparison, network.inputs, lang)] if network else []
        for group in layer_groups(run, output):
            kind = "output" if group.output else "hidden"
            body.append(
                [
                    group.numbers,
                    f"{sentence(f'report.structure.{kind}', lang)} {group.activation}"
                    if network
                    else group.activation,
                    f"(None, {group.units})",
                    group.shown_parameters,
                ]
            )
        head = [
            sentence(f"report.column.{c}", lang)
            for c in ("layer", "activation", "shape", "parameters")
        ]
        foot = [
            sentence("report.structure.total", lang),
            "",
            "",
            f"{run.attributes['parameters']:,}",
        ]
        notes = _structure_notes(run, network, lang)
        inner = scrolling(table(head, body, foot=foot, text_columns=frozenset({1, 2})), name)
        blocks.append(
            f'<div><h3>{escape(name)}</h3>{inner}<p class="muted">{prose(" ".join(notes))}</p></div>'
        )
    title = heading("structure", sentence("report.heading.structure", lang))
    return f'{title}<div class="side">{"".join(blocks)}</div>'


def _structure_notes(run: Run, network: NetworkSpec | None, lang: str) -> list[str]:
    """What the table of layers does not show."""
    if network is None:
        training = training_of(run)
        facts = {name: training.get(name) or NO_VALUE for name in ("optimizer", "loss")}
        rate = training.get("learning_rate")
        facts["rate"] = NO_VALUE if rate is None else f"{rate:g}"
        framework = run.attributes["framework"]
        notes = [sentence("report.structure.own", lang, framework=framework, **facts)]
        return [*notes, *(note.sentence(lang) for note in run.notes)]
    notes = [sentence("report.structure.notation", lang, notation=f"`{run.notation}`")]
    if network.norm != "none":
        notes.append(sentence("report.structure.norm", lang, norm=network.norm))
    if network.skip:
        notes.append(sentence("report.structure.skip", lang, skip=network.skip))
    return notes


def _input_row(comparison: Comparison, inputs: int, lang: str) -> list[str]:
    shape = comparison.data.image_shape
    kind = ""
    if len(shape) > 1:
        kind = sentence("report.structure.flatten", lang, shape=str(tuple(shape)))
    return [sentence("report.structure.input", lang), kind, f"(None, {inputs})", "0"]


def _framework(run: Run) -> str:
    return f"{run.attributes['framework']} {run.attributes.get('framework_version', '')}".strip()


def _repeat(comparison: Comparison, lang: str, artifacts: Artifacts) -> str:
    facts = []
    versions: dict[str, None] = {}
    for run in comparison.runs.values():
        a = run.attributes
        engine = f"JAX {a['jax_version']}" if "jax_version" in a else _framework(run)
        versions[
            f"gradgauge {a.get('gradgauge_version', '?')}, {engine}, {a.get('device', '?')}"
        ] = None
        facts = [
            ("versions", "; ".join(versions)),
            ("data", f"{a['dataset']} (SHA-256 {str(a['dataset_fingerprint'])[:16]}…)"),
        ]
    seconds = {k: f"{v:.2f}" for k, v in comparison.seconds.items()}
    if seconds:
        facts.append(("seconds", sentence("report.repeat.seconds_value", lang, **seconds)))
    runs = ""
    if artifacts.runs:
        listed = "".join(f"<li><code>{escape(path)}</code></li>" for path in artifacts.runs)
        runs = f"<p>{escape(sentence('report.repeat.runs', lang))}</p><ul>{listed}</ul>"
    return how_to_repeat(facts, lang, comparison.spec.command(*artifacts.flags), runs)
