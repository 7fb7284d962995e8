"""Which modules and parameters have rows."""

from __future__ import annotations

import torch
from torch import nn

from gradgauge.watchers.torch.modules import candidates


class Written(nn.Module):
    """Weights in containers that are never called."""

    def __init__(self):
        super().__init__()
        self.token = nn.Parameter(torch.zeros(1, 1, 4))
        self.listed = nn.ParameterList(torch.zeros(4, 4) for _ in range(2))
        self.named = nn.ParameterDict({"up": torch.zeros(4, 8), "shift": torch.zeros(8)})


class Experts(nn.Module):
    """Weights of its own beside a layer."""

    def __init__(self):
        super().__init__()
        self.router = nn.Linear(4, 2)
        self.up, self.down = nn.Parameter(torch.zeros(2, 4, 8)), nn.Parameter(torch.zeros(2, 8, 4))


class Bank(nn.Module):
    """One layer of two matrices."""

    def __init__(self):
        super().__init__()
        self.up, self.down = nn.Parameter(torch.zeros(2, 4, 8)), nn.Parameter(torch.zeros(2, 8, 4))


def names(model: nn.Module) -> dict[str, bool]:
    return {row.info.name: row.alone for row in candidates(model)}


def test_parameters_of_what_is_no_layer_stand_by_themselves():
    alone = ("token", "listed.0", "listed.1", "named.up", "named.shift")
    assert names(Written()) == dict.fromkeys(alone, True)
    assert names(Experts()) == {"up": True, "down": True, "router": False}
    assert names(nn.Sequential(Experts())) == {"0.up": True, "0.down": True, "0.router": False}


def test_a_layer_of_several_matrices_is_one_row_and_a_network_is_none():
    assert names(nn.Sequential(Bank())) == {"0": False}
    assert names(Bank()) == {"up": True, "down": True}
    assert names(nn.Linear(2, 2)) == {"Linear": False}
    assert names(nn.LSTM(2, 2)) == {"LSTM": False}
    attention = nn.MultiheadAttention(4, 2)
    assert names(attention) == {"MultiheadAttention": False}
    wrapped = nn.utils.parametrizations.weight_norm(nn.Linear(2, 2))
    assert names(nn.Sequential(wrapped)) == {"0": False}
