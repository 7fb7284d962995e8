"""An Optuna pruner that ends trials whose training is diagnosed as faulty.

Pruners that use learning curves wait until a trial is worse than others. A vanishing gradient, dead
units or a NaN can be detected earlier. Ending trials because of training problems is an idea of
BTTackler (Cheng et al., KDD 2024, arXiv 2602.23630).

    def objective(trial):
        model, optimizer = build(trial)
        with gg.watch(model, optimizer=optimizer) as watcher:
            for epoch in range(20):
                accuracy = train_one_epoch(model, optimizer)
                trial.report(accuracy, epoch)
                note(trial, watcher)
                if trial.should_prune():
                    raise optuna.TrialPruned
        return accuracy

    study = optuna.create_study(direction="maximize", pruner=RulePruner())
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from gradgauge.diagnosis.finding import FAULT
from gradgauge.diagnosis.rules import BY_NAME, rule_of
from gradgauge.errors import MissingExtra
from gradgauge.spec.checks import whole_number
from gradgauge.watchers.watcher import Watcher

try:
    from optuna.pruners import BasePruner
except ImportError:
    raise MissingExtra("gradgauge.integrations.optuna", "optuna") from None

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial, Trial

NOTED = "gradgauge:faults"
"""The trial's user attribute that `note` writes: one list of rules for every call."""


def note(trial: Trial, watcher: Watcher) -> list[str]:
    """Diagnose the training so far and store its faults in the trial, where RulePruner reads them.

    Args:
        trial: the Optuna trial.
        watcher: the watcher that `gradgauge.watch` returned for it.

    Returns:
        The rules of the faults, most likely cause first.
    """
    faults = [f.rule for f in watcher.diagnose().findings if f.severity == FAULT]
    trial.set_user_attr(NOTED, [*trial.user_attrs.get(NOTED, []), faults])
    return faults


class RulePruner(BasePruner):
    """Ends a trial once a fault has been noted several times in a row.

    Args:
        rules: the rules whose faults count; None: all of them.
        patience: number of consecutive calls of `note` that must find such a fault, because a
            single finding may be temporary, for example during warm-up.
        beside: another pruner that may also end trials, such as Optuna's MedianPruner; None: no
            other.

    Raises:
        UnknownName: no such rule.
        InvalidValue: a patience below 1.
    """

    def __init__(
        self,
        rules: Collection[str] | None = None,
        patience: int = 2,
        beside: BasePruner | None = None,
    ):
        whole_number("patience", patience, 1)
        self._rules = frozenset(BY_NAME if rules is None else (rule_of(n).name for n in rules))
        self._patience, self._beside = patience, beside

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        """Whether to end the trial; called by `trial.should_prune()`."""
        noted = trial.user_attrs.get(NOTED, [])[-self._patience :]
        faulty = [bool(self._rules.intersection(faults)) for faults in noted]
        if len(faulty) == self._patience and all(faulty):
            return True
        return self._beside is not None and self._beside.prune(study, trial)
