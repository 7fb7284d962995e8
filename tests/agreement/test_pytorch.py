"""gradgauge against PyTorch's autograd and PyTorch's own optimizers."""

from __future__ import annotations

import pytest

from tests.agreement.cases import BATCH, TORCH_OPTIMIZERS, Case, free_running_cases, torch_cases
from tests.agreement.checks import (
    check_free_run,
    check_gauges,
    check_pass,
    check_statistics,
    check_update,
)
from tests.agreement.peer_pytorch import trajectory

CASES = torch_cases()
every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@every_case
def test_passes_and_updates_from_pytorchs_states(case: Case) -> None:
    peer = trajectory(case)
    check_pass(case, peer)
    # clip_grad_norm_ divides by the norm + 1e-6; gradgauge and Keras by the norm.
    clipped = 0 < case.clip_norm < 1
    check_update(case, peer, float64_tolerance=2e-5 if clipped else 1e-9)


@pytest.mark.parametrize(
    "case", [c for c in CASES if c.skip == 2 and c.norm != "none"], ids=lambda case: case.name
)
def test_gauges(case: Case) -> None:
    check_gauges(case, trajectory(case))


@pytest.mark.parametrize("case", [c for c in CASES if c.norm == "batch"], ids=lambda c: c.name)
def test_running_statistics(case: Case) -> None:
    check_statistics(case, trajectory(case), BATCH, unbiased=True)


@pytest.mark.parametrize("case", free_running_cases(TORCH_OPTIMIZERS), ids=lambda case: case.name)
def test_fifty_steps_on_its_own(case: Case) -> None:
    check_free_run(case, trajectory(case), tolerance=1e-9)
