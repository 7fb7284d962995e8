"""A PyTorch scheduler is repeated with every training, at any rate and with any optimizer."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler

from gradgauge.own.loops import loop_of
from gradgauge.own.states import kept_states
from gradgauge.remedies.own.arguments import read_own
from gradgauge.remedies.own.run import own_trainer
from gradgauge.remedies.trainer import REMEDY, Candidate, CannotApply, Dose

EPOCHS, PER_EPOCH = 4, 3

MADE: dict[str, Any] = {
    "step": lambda o: lr_scheduler.StepLR(o, 1, 0.5),
    "lambda": lambda o: lr_scheduler.LambdaLR(o, lambda epoch: 1 / (1 + epoch)),
    "cosine": lambda o: lr_scheduler.CosineAnnealingLR(o, EPOCHS, 1e-3),
    "one cycle": lambda o: lr_scheduler.OneCycleLR(o, 0.3, EPOCHS * PER_EPOCH),
    "cyclic": lambda o: lr_scheduler.CyclicLR(o, 0.01, 0.2, PER_EPOCH, cycle_momentum=False),
    "in turn": lambda o: lr_scheduler.SequentialLR(
        o, [lr_scheduler.ConstantLR(o, 0.1, 2), lr_scheduler.ExponentialLR(o, 0.5)], [2]
    ),
}


def parts(name, leave_out=False):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1))
    learning = model[2].parameters() if leave_out else model.parameters()
    optimizer = torch.optim.SGD(learning, 0.1)
    return model, nn.MSELoss(), optimizer, MADE[name](optimizer)


def trainer_of(model, loss, optimizer, scheduler):
    x = np.random.default_rng(0).normal(size=(37, 2)).astype(np.float32)
    options = {"x": torch.as_tensor(x), "y": torch.as_tensor(x[:, :1]), "scheduler": scheduler}
    options |= {"epochs": EPOCHS, "batch_size": 10}
    return own_trainer(read_own(model, (loss, optimizer), None, None, options))


def rates(trainer, *doses, factor=1.0):
    """Of every step of a training."""
    found = []
    with kept_states():
        site = trainer._treated(Candidate(REMEDY, doses, factor), 0)
        loop: Any = loop_of(site.made)
        loop.optimizer.register_step_pre_hook(lambda o, *_: found.append(o.param_groups[0]["lr"]))
        loop.train(trainer._batches(site.data, 0, EPOCHS))
    return found, loop.optimizer


def plain(name):
    """The same by hand."""
    _, _, optimizer, scheduler = parts(name)
    found = []
    for step in range(EPOCHS * PER_EPOCH):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if name in ("one cycle", "cyclic") or step % PER_EPOCH == PER_EPOCH - 1:
            scheduler.step()
    return found


@pytest.mark.filterwarnings("ignore:The epoch parameter")
@pytest.mark.parametrize("name", MADE)
def test_the_rates_are_those_of_the_scheduler_times_a_factor(name):
    given = parts(name)
    before = copy.deepcopy((given[2].state_dict(), given[3].state_dict()))
    trainer = trainer_of(*given)
    assert trainer.scales_rate
    assert rates(trainer)[0] == pytest.approx(plain(name))
    assert rates(trainer, factor=3.0)[0] == pytest.approx(3 * np.array(plain(name)))
    assert str((given[2].state_dict(), given[3].state_dict())) == str(before)


def test_another_optimizer_follows_from_its_own_rate():
    found, optimizer = rates(trainer_of(*parts("step")), Dose("adam_instead", 1e-3))
    assert isinstance(optimizer, torch.optim.Adam)
    assert found == pytest.approx(np.array(plain("step")) * 1e-2)


def test_layers_that_join_the_optimizer_follow_too():
    found, optimizer = rates(trainer_of(*parts("lambda", True)), Dose("reach_not_in_optimizer"))
    assert found == pytest.approx(plain("lambda"))
    assert [len(group["params"]) for group in optimizer.param_groups] == [4]


def test_a_decay_can_be_left_out_and_no_warm_up_is_put_before_it():
    trainer = trainer_of(*parts("step"))
    assert set(rates(trainer, Dose("slower_decay"))[0]) == {0.1}
    assert isinstance(trainer.applies(Dose("warm_up", 0.1)), CannotApply)
