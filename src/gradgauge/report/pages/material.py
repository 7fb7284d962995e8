"""Material for a class: an exercise sheet, its key, five slides; pages to print, without scripts."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path

from gradgauge._version import __version__
from gradgauge.messages.catalog import LANGUAGES, listed, sentence
from gradgauge.messages.clean import clean
from gradgauge.report.charts.signal import SIGNAL
from gradgauge.report.images import picture
from gradgauge.report.page.fonts import hangul_face
from gradgauge.report.page.page import prose
from gradgauge.report.page.tables import table
from gradgauge.report.rendering import PLAIN, Format, to_svg
from gradgauge.report.words.answer import answer
from gradgauge.report.words.exercise import Exercise, exercise
from gradgauge.report.words.headline import verdict
from gradgauge.report.words.labels import labeled
from gradgauge.report.words.numbers import NO_VALUE, number
from gradgauge.study.compare.result import Comparison
from gradgauge.writing import write_text_whole

KINDS = ("exercise", "key", "slides")

_CSS = Path(__file__).with_name("material.css")
_LINES = '<p class="lines" aria-hidden="true"></p>'


def write_material(comparison: Comparison, folder: Path | str) -> list[Path]:
    """Sheet, key and slides in every language, each written whole or not at all.

    Args:
        comparison: the networks that the class is about.
        folder: where the pages go: `exercise-en.html`, `key-ko.html`, ...

    Returns:
        The files' paths.

    Raises:
        NoChain: the networks have no error signal that can be followed from layer to layer.
        OutputProblem: the folder cannot be written.
    """
    pages = {
        f"{kind}-{lang}.html": material_page(comparison, kind, lang)
        for lang in LANGUAGES
        for kind in KINDS
    }
    return [write_text_whole(Path(folder) / name, text) for name, text in pages.items()]


def material_page(comparison: Comparison, kind: str, lang: str) -> str:
    """One of KINDS as a page of HTML."""
    comparison = labeled(comparison, lang)
    made = exercise(comparison, lang)
    title = sentence("lesson.title", lang, name=made.subject.name)
    if kind == "slides":
        inner = _slides(comparison, made, title, lang)
    else:
        inner = _sheet(comparison, made, title, kind == "key", lang)
    name = f"{title} – {sentence(f'lesson.kind_{kind}', lang)}"
    return clean(
        f'<!DOCTYPE html>\n<html lang="{lang}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(name)}</title><link rel="icon" href="data:,">'
        f"<style>{hangul_face(name + inner)}{_CSS.read_text('utf-8')}</style></head>"
        f'<body class="{kind}"><main>{inner}</main></body></html>\n'
    )


def _sheet(comparison: Comparison, made: Exercise, title: str, key: bool, lang: str) -> str:
    kind = sentence(f"lesson.kind_{'key' if key else 'exercise'}", lang)
    parts = [f'<p class="kind">{escape(kind)}</p><h1>{escape(title)}</h1>']
    if not key:
        parts.append(f'<p class="name">{escape(sentence("lesson.name_line", lang))}</p>')
    parts += [_setup(comparison, lang), _figure(comparison, lang, PLAIN)]
    for at, question in enumerate(made.questions, 1):
        head = escape(sentence("lesson.question", lang, number=at))
        factors = _factors(made, key, lang) if question.key == "multiply" else ""
        answered = _LINES
        if key:
            word = escape(sentence("lesson.answer", lang))
            answered = f'<p class="answer"><b>{word}.</b> {prose(question.tell)}</p>'
        parts.append(
            f"<section><h2>{head}</h2><p>{prose(question.ask)}</p>{factors}{answered}</section>"
        )
    made_by = escape(sentence("lesson.made", lang, version=__version__))
    return "".join([*parts, f'<p class="made">{made_by}</p>'])


def _setup(comparison: Comparison, lang: str) -> str:
    training, data = comparison.spec.training, comparison.data
    facts = {
        "dataset": data.name,
        "train": f"{data.train:,}",
        "test": f"{data.test:,}",
        "optimizer": training.optimizer,
        "rate": f"{training.learning_rate:g}",
        "epochs": training.epochs,
        "seeds": len(training.seeds),
    }
    notations = (f"`{run.notation or name}`" for name, run in comparison.runs.items())
    networks = sentence("lesson.networks", lang, listed=listed(notations, lang))
    return (
        f"<p>{prose(networks)} {prose(sentence('lesson.setup', lang, **facts))}</p>"
        f'<pre tabindex="0"><code>{escape(comparison.spec.command())}</code></pre>'
    )


def _factors(made: Exercise, key: bool, lang: str) -> str:
    """The factors from the output layer down; on the sheet the products are left to the student."""
    told = made.lesson
    head = [
        sentence(f"report.lesson.column_{name}", lang) for name in ("layer", "slopes", "weights")
    ]
    head.append(sentence("lesson.product", lang))
    product, rows = 1.0, [[told.output, NO_VALUE, NO_VALUE, "1"]]
    for factor in told.factors:
        product *= float(factor.slopes) * float(factor.weights)
        rows.append(
            [str(factor.layer), factor.slopes, factor.weights, number(product, 2) if key else ""]
        )
    caption = sentence("lesson.factors", lang, name=made.subject.name)
    return table(head, rows, caption)


def _figure(comparison: Comparison, lang: str, form: Format) -> str:
    spec = picture(SIGNAL, comparison, lang, form=Format(form.width_mm, title=False))
    if spec is None:
        return ""
    svg = re.sub(r"<svg ", '<svg aria-hidden="true" ', to_svg(spec, form), count=1)
    label = escape(SIGNAL.describe(comparison, lang), quote=True)
    return f'<div class="picture" role="img" aria-label="{label}">{svg}</div>'


def _slides(comparison: Comparison, made: Exercise, title: str, lang: str) -> str:
    first = made.lesson
    points = "".join(
        f"<li>{escape(sentence(f'lesson.slide.{name}', lang))}</li>"
        for name in ("point_product", "point_forward", "point_cure")
    )
    told = {question.key: question.tell for question in made.questions}
    result = f"<p>{prose(told['result'])}</p><p>{prose(verdict(comparison, lang) or '')}</p>"
    said = answer(comparison, lang)
    slides = {
        "question": f'<p class="big">{escape(title)}</p>{_setup(comparison, lang)}',
        "result": result,
        "picture": f"{_figure(comparison, lang, PLAIN)}<p>{prose(said or '')}</p>",
        "product": f"{_factors(made, True, lang)}<p>{prose(first.product)} {prose(told['whose'])}</p>",
        "remember": f"<ol>{points}</ol>",
    }
    return "".join(
        f'<section class="slide {name}"><h{level}>{escape(sentence(f"lesson.slide.{name}", lang))}'
        f"</h{level}>{inner}</section>"
        for level, (name, inner) in zip((1, 2, 2, 2, 2), slides.items(), strict=True)
    )
