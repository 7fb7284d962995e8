"""What can be shown, a Comparison or one Run, and in which languages."""

from __future__ import annotations

from gradgauge.errors import InvalidValue, UnknownName
from gradgauge.messages.catalog import LANGUAGES
from gradgauge.run import Run
from gradgauge.study.compare.result import Comparison


def check_subject(subject: object) -> None:
    """Raise unless `subject` can be shown.

    Raises:
        InvalidValue: it is something else, such as a saved Run's path.
    """
    if not isinstance(subject, (Comparison, Run)):
        raise InvalidValue("subject", subject, "run_or_comparison")


def check_language(lang: str) -> None:
    """Raise unless something can be shown in `lang`.

    Raises:
        UnknownName: no such language.
    """
    if lang not in LANGUAGES:
        raise UnknownName("lang", lang, LANGUAGES)
