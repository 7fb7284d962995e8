"""The HTML report: one file, without a network, for eyes, keyboards and screen readers."""

from __future__ import annotations

from pathlib import Path

from gradgauge.errors import InvalidValue
from gradgauge.report.page.page import page
from gradgauge.report.pages import comparison as sections
from gradgauge.report.pages.watched import watched_page
from gradgauge.report.subject import check_language, check_subject
from gradgauge.report.words.headline import headline
from gradgauge.report.words.labels import labeled
from gradgauge.run import Run
from gradgauge.study.compare.artifacts import NOTHING_WRITTEN, Artifacts
from gradgauge.study.compare.result import Comparison
from gradgauge.writing import write_text_whole

REPORT = ".html"
"""The ending of a report; the other ones that are known are a picture's."""


def write_report(
    subject: Comparison | Run,
    path: Path | str,
    lang: str = "en",
    artifacts: Artifacts = NOTHING_WRITTEN,
) -> Path:
    """Write the report of a comparison or of one Run, completely or not at all.

    Args:
        subject: a Comparison or a Run, such as `watcher.run`.
        path: the HTML file, `*.html`; `write_picture` writes PDF, SVG or PNG files.
        lang: `en` or `ko`.
        artifacts: for a comparison, the files already written, which the page lists.

    Returns:
        The file's path.

    Raises:
        InvalidValue: the subject is neither, such as the path of a saved Run; or the file has
            another extension.
        UnknownName: no such language.
        OutputProblem: it cannot be written.
    """
    check_subject(subject)
    check_language(lang)
    if Path(path).suffix.lower() != REPORT:
        raise InvalidValue("path", path, "html_file")
    is_run = isinstance(subject, Run)
    text = watched_page(subject, lang) if is_run else report_page(subject, lang, artifacts)
    return write_text_whole(path, text)


def report_page(
    comparison: Comparison, lang: str = "en", artifacts: Artifacts = NOTHING_WRITTEN
) -> str:
    """The report as one page of HTML."""
    comparison = labeled(comparison, lang)
    parts = sections.all_sections(comparison, lang, artifacts)
    return page(headline(comparison, lang), sections.standfirst(comparison, lang), parts, lang)
