"""Remedy: what `gradgauge remedy` would try on a network, on the page's own seeds.

Each remedy once, as its paper has it, at the page's learning rate. Which of them is to be
recommended a trial decides (`gradgauge.remedies`), on seeds and samples of its own.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from gradgauge.datasets import Dataset
from gradgauge.engine.terms import Entry
from gradgauge.engine.train import train
from gradgauge.gauges import PROBE_SAMPLES
from gradgauge.messages.catalog import LANGUAGES, sentence
from gradgauge.play.arms import CONTROL, Question, arm_told
from gradgauge.remedies.known import Remedy
from gradgauge.remedies.remedy import advice_in
from gradgauge.remedies.spec.case import SpecCase
from gradgauge.remedies.spec.diagnosis import diagnose_run
from gradgauge.remedies.spec.rows import standardized
from gradgauge.remedies.spec.trainer import SpecTrainer
from gradgauge.remedies.trainer import REMEDY, Candidate, Dose
from gradgauge.remedies.trial import MOST_REMEDIES, remedies_for
from gradgauge.run import Run


class Repairs(Question):
    """What would help a network."""

    kind: ClassVar[str] = "remedy"

    def find(self) -> None:
        """See Question. The network as it is comes first: what it lacks decides what is tried."""
        entry, dataset = self._entry, self._scene.dataset
        trainer = SpecTrainer(entry.network, entry.training, dataset)
        self._tell(1, done=0)
        made = train([entry], dataset, stop=self._stopped)
        if made.interrupted:
            return
        run = made.runs[0]
        offered = [
            remedy
            for remedy in remedies_for(diagnose_run(run, trainer.case, dataset))
            if trainer.applies(_usual(remedy)) is None
        ][:MOST_REMEDIES]
        count = 1 + len(offered)
        name = {lang: sentence("remedy.arm.control", lang) for lang in LANGUAGES}
        nothing: dict[str, str] = dict.fromkeys(LANGUAGES, "")
        self._tell(count, arm=arm_told(run, 0, CONTROL, name, nothing))
        if self._train(trainer, offered):
            self._tell(count, over=True)

    def _train(self, trainer: SpecTrainer, offered: list[Remedy]) -> bool:
        """Train all that is offered; whether it came to its end."""
        cases = [trainer.treated(Candidate(REMEDY, (_usual(one),))) for one in offered]
        for scaled in (False, True):
            places = [at for at, case in enumerate(cases) if case.standardized is scaled]
            data = standardized(trainer.data) if scaled and places else trainer.data

            def on_run(index: int, run: Run, places: list[int] = places) -> None:
                at = places[index]
                told = self._told(run, 1 + at, offered[at])
                self._tell(1 + len(offered), arm=told)

            entries = [_entry(cases[at], data, offered[at].key) for at in places]
            if entries and train(entries, data, on_run=on_run, stop=self._stopped).interrupted:
                return False
        return True

    def _told(self, run: Run, place: int, remedy: Remedy) -> object:
        names = self._entry.network.activations
        usual = max(set(names), key=names.count)
        name = {lang: remedy.named(lang) for lang in LANGUAGES}
        change = {lang: advice_in(remedy, lang, remedy.knob.usual, usual) for lang in LANGUAGES}
        return arm_told(run, place, remedy.key, name, change)


def _usual(remedy: Remedy) -> Dose:
    return Dose(remedy.key, remedy.knob.usual)


def _entry(case: SpecCase, data: Dataset, name: str) -> Entry:
    sample = np.asarray(data.floats(data.x_train[:PROBE_SAMPLES]), np.float64)
    return Entry(name, case.network, case.training, case.adjust(sample))
