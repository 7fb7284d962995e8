"""Shapes in annotations are checked while the tests run, whatever makes the arrays."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
import torch
from jaxtyping import TypeCheckError

from gradgauge.gauges.moments import z_moments
from gradgauge.gauges.norms import is_safe
from gradgauge.signals import LayerSignals
from gradgauge.theory import critical_line
from tests.shapes import checked

zeros_of = pytest.mark.parametrize("zeros", [np.zeros, jnp.zeros, torch.zeros])
Zeros = Callable[..., Any]


@zeros_of
def test_signals_of_one_layer_have_one_batch_and_one_number_of_units(zeros: Zeros) -> None:
    LayerSignals(slope=zeros((4, 3)), delta=zeros((4, 3)), delta_next=zeros((4, 2)))
    with pytest.raises(TypeCheckError):
        LayerSignals(slope=zeros((4, 3)), delta=zeros((4, 2)))
    with pytest.raises(TypeCheckError):
        LayerSignals(slope=zeros((4, 3)), delta_next=zeros((5, 2)))


@zeros_of
def test_positions_are_folded_before_a_gauge_sees_them(zeros: Zeros) -> None:
    with pytest.raises(TypeCheckError):
        LayerSignals(pre_activation=zeros((4, 5, 3)))


@zeros_of
def test_signals_are_real_numbers_in_floating_point(zeros: Zeros) -> None:
    z_moments(LayerSignals(pre_activation=zeros((4, 3))))
    with pytest.raises(TypeCheckError):
        z_moments(LayerSignals(pre_activation=zeros((4, 3)) == 0))
    with pytest.raises(TypeCheckError):
        is_safe(zeros((4, 3)) == 0)


def test_theory_says_its_shapes_too() -> None:
    critical_line("tanh", np.array([0.5, 1.0]))
    with pytest.raises(TypeCheckError):
        critical_line("tanh", np.ones((2, 2)))


def test_the_checker_moves_no_random_number_of_what_is_tested() -> None:
    """It looks at one item of a list that it draws."""

    @checked
    def read(items: list[int], names: dict[str, tuple[float, ...]]) -> list[int]:
        return [*items, len(names)]

    before = random.getstate()
    for _ in range(20):
        read([1, 2, 3], {"a": (1.0, 2.0)})
    assert random.getstate() == before
