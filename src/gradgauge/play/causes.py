"""Why: the counterfactuals of `gradgauge why` on the page's own seeds, one after another."""

from __future__ import annotations

from typing import ClassVar

from gradgauge.engine.terms import Entry
from gradgauge.engine.train import train
from gradgauge.gauges import PROBE_SAMPLES
from gradgauge.messages.catalog import LANGUAGES
from gradgauge.play.arms import Question, arm_told
from gradgauge.run import Run
from gradgauge.study.why.counterfactuals import arms_of
from gradgauge.study.why.sentences import arm_name, change_sentence


class Causes(Question):
    """What of a network makes it behave so."""

    kind: ClassVar[str] = "why"

    def find(self) -> None:
        """See Question."""
        entry, dataset = self._entry, self._scene.dataset
        arms = arms_of(entry.network, dataset.floats(dataset.x_train[:PROBE_SAMPLES]))
        entries = [Entry(arm.name, arm.network, entry.training, arm.adjust) for arm in arms]
        self._tell(len(arms), done=0)

        def on_run(place: int, run: Run) -> None:
            arm = arms[place]
            name = {lang: arm_name(arm, lang) for lang in LANGUAGES}
            change = {lang: change_sentence(arm, lang) for lang in LANGUAGES}
            self._tell(len(arms), arm=arm_told(run, place, arm.name, name, change))

        result = train(entries, dataset, on_run=on_run, stop=self._stopped)
        if not result.interrupted:
            self._tell(len(arms), over=True)
