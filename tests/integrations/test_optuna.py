"""The pruner against Optuna itself: real studies, real trainings, and the pruner beside it."""

from __future__ import annotations

import optuna
import pytest
import torch
from torch import nn

import gradgauge as gg
from gradgauge.errors import GradgaugeError
from gradgauge.integrations.optuna import NOTED, RulePruner, note

optuna.logging.disable_propagation()
optuna.logging.set_verbosity(optuna.logging.ERROR)

EPOCHS = 14


def chain(activation: type[nn.Module], depth: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for _ in range(depth):
        layers += [nn.Linear(16, 16), activation()]
    return nn.Sequential(*layers, nn.Linear(16, 2))


def objective(trial: optuna.Trial) -> float:
    """Labels that a line tells apart; ten sigmoids learn nothing of them, three ReLUs do."""
    torch.manual_seed(0)
    x = torch.randn(256, 16)
    y = (x[:, 0] > 0).long()
    deep = trial.suggest_categorical("network", ["sigmoids", "relus"]) == "sigmoids"
    model = chain(nn.Sigmoid, 12) if deep else chain(nn.ReLU, 2)
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    loss_of = nn.CrossEntropyLoss()
    accuracy = 0.0
    with gg.watch(model, x, y, loss=loss_of, optimizer=optimizer, every=8) as watcher:
        for epoch in range(EPOCHS):
            for rows in torch.randperm(256).split(8):
                optimizer.zero_grad()
                loss = loss_of(model(x[rows]), y[rows])
                loss.backward()
                optimizer.step()
            accuracy = float((model(x).argmax(1) == y).float().mean())
            trial.report(accuracy, epoch)
            note(trial, watcher)
            if trial.should_prune():
                raise optuna.TrialPruned
    return accuracy


def study_of(pruner: optuna.pruners.BasePruner) -> optuna.Study:
    space = {"network": ["sigmoids", "relus"]}
    study = optuna.create_study(
        direction="maximize", pruner=pruner, sampler=optuna.samplers.GridSampler(space, seed=0)
    )
    study.optimize(objective, n_trials=2)
    return study


def test_a_vanishing_gradient_ends_its_trial_and_a_sound_training_goes_on():
    by_network = {t.params["network"]: t for t in study_of(RulePruner()).trials}
    assert by_network["relus"].state.name == "COMPLETE"
    assert by_network["relus"].value > 0.8
    pruned = by_network["sigmoids"]
    assert pruned.state.name == "PRUNED"
    assert all("vanishing-gradient" in faults for faults in pruned.user_attrs[NOTED][-2:])
    assert len(pruned.user_attrs[NOTED]) < EPOCHS


class Always(optuna.pruners.BasePruner):
    def prune(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> bool:  # noqa: ARG002
        return True


def test_faults_of_other_rules_do_not_count_and_a_pruner_beside_it_is_asked():
    study = optuna.create_study()

    def noted(*faults: list[str]) -> optuna.trial.FrozenTrial:
        return optuna.trial.create_trial(
            state=optuna.trial.TrialState.RUNNING, user_attrs={NOTED: list(faults)}
        )

    dead = noted(["dead-units"], ["dead-units"])
    assert RulePruner().prune(study, dead)
    assert not RulePruner(rules=["non-finite"]).prune(study, dead)
    assert not RulePruner().prune(study, noted(["dead-units"], []))
    assert not RulePruner().prune(study, noted(["dead-units"]))
    assert not RulePruner(patience=3).prune(study, dead)
    assert RulePruner(beside=Always()).prune(study, noted())


@pytest.mark.parametrize("wrong", [{"rules": ["dead-unit"]}, {"patience": 0}])
def test_wrong_options_are_one_sentence(wrong):
    with pytest.raises(GradgaugeError):
        RulePruner(**wrong)
