"""What is written when a watched training is over: its picture, its report."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gradgauge.errors import GradgaugeError, OutputProblem
from gradgauge.report.images import FIGURES, write_picture
from gradgauge.report.pages.write import REPORT, write_report
from gradgauge.report.rendering import check_ending
from gradgauge.run import Run
from gradgauge.watchers import LayerInfo


class ReportWriter:
    """Writes a report or a figure when a watched training run ends, also after an exception.

    Pass it as `watch(..., to=[ReportWriter("watch.html"), ReportWriter("signal.png")])`. If a
    file cannot be written, a warning is issued and the training continues.

    Args:
        path: `.html` for the report, `.png`, `.svg` or `.pdf` for the figure, `.csv` for its values.
        lang: `en` or `ko`.

    Raises:
        UnknownName: another file extension.
    """

    path: Path
    lang: str

    def __init__(self, path: Path | str, lang: str = "en"):
        check_ending(path, FIGURES)
        self.path, self.lang = Path(path), lang

    def opened(self, layers: Sequence[LayerInfo], attributes: Mapping[str, Any]) -> None:
        """Nothing to write yet."""

    def recorded(self, group: str, step: int, values: Mapping[str, Any]) -> None:
        """Nothing to write yet."""

    def closed(self, run: Run) -> None:
        try:
            write_closing(run, self.path, self.lang)
        except GradgaugeError as error:
            warnings.warn(error.sentence(self.lang), stacklevel=2)
        except (KeyboardInterrupt, SystemExit):
            raise
        # Whatever a page or a picture's renderer raises (a panic of its own is no Exception):
        # the weights that the next line would save are worth more.
        except BaseException as error:  # noqa: BLE001
            why = f"{type(error).__name__}: {error}".partition("\n")[0]
            problem = OutputProblem(self.path, "not_made", why=why)
            warnings.warn(problem.sentence(self.lang), stacklevel=2)


def write_closing(run: Run, path: Path | str, lang: str = "en") -> Path:
    """The report (`.html`), the picture or its figures (the other endings) of a Run, whole or not at all.

    Raises:
        UnknownName: another file extension.
        NothingToDraw: a picture of a Run in which neither signal was seen.
        OutputProblem: it cannot be written.
    """
    check_ending(path, FIGURES)
    write = write_report if Path(path).suffix == REPORT else write_picture
    return write(run, path, lang)
