"""Every gauge has what a gauge must have: a place in the list, a documented row, a docstring."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import re
from pathlib import Path

import numpy as np
import pytest

import gradgauge.gauges as package
from gradgauge.gauges import (
    GAUGES,
    NETWORK_GAUGES,
    PROBE_QUANTITIES,
    QUANTITIES,
    STEP_QUANTITIES,
    WATCHED_GAUGES,
    Gauge,
)
from gradgauge.signals import LayerSignals

FOLDER = Path(package.__file__).parent
DOCS = Path(__file__).parents[2] / "docs" / "gauges.md"
ALL = (*GAUGES, *NETWORK_GAUGES, *WATCHED_GAUGES)
FIELDS = {field.name for field in dataclasses.fields(LayerSignals)} - {"norms"}
_OF_UNITS = ("pre_activation", "activation", "slope", "activation_grad", "delta")
every_gauge = pytest.mark.parametrize("gauge", ALL, ids=lambda gauge: gauge.quantities[0])

# CONTRACT section 2, as the checkers read it.
CONTRACT = {
    "weight_grad_norm",
    "weight_grad_rms",
    "delta_norm",
    "g_norm",
    "backward_gain",
    "weight_gain",
    "slope_gain",
    "weight_norm",
    "update_ratio",
    "z_mean",
    "z_std",
    "h_mean",
    "h_std",
    "signal_spread",
    "saturated",
    "inactive",
    "dead",
    "jacobian_sv_mean",
    "jacobian_sv_max",
    "jacobian_sv_min",
}


def rows() -> dict[str, list[str]]:
    """docs/gauges.md: quantity -> the other cells of its row."""
    found = {}
    for line in DOCS.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if match := re.fullmatch(r"`(\w+)`", cells[0]):
            assert match[1] not in found
            found[match[1]] = cells[1:]
    return found


def quantities() -> list[str]:
    return [name for gauge in ALL for name in gauge.quantities]


def test_all_quantities_of_the_contract() -> None:
    """Others may come; none of these may go."""
    assert set(quantities()) >= CONTRACT


def test_no_quantity_is_measured_twice() -> None:
    assert len(quantities()) == len(set(quantities()))


def test_every_gauge_file_in_the_folder_is_in_the_list() -> None:
    for path in FOLDER.glob("[!_]*.py"):
        if path.stem == "norms":  # what gauges are made of
            continue
        module = importlib.import_module(f"gradgauge.gauges.{path.stem}")
        own = [v for v in vars(module).values() if isinstance(v, Gauge)]
        assert own, f"{path.name} holds no gauge"
        assert all(gauge in ALL for gauge in own), path.name


def test_every_quantity_has_a_row_and_every_row_a_quantity() -> None:
    assert set(rows()) == set(quantities())
    assert all(len(cells) == 4 for cells in rows().values())


@every_gauge
def test_the_row_says_what_the_gauge_does(gauge: Gauge) -> None:
    text = inspect.getdoc(gauge.measure) or ""
    for name in gauge.quantities:
        definition, no_meaning, paper, over_seeds = rows()[name]
        assert definition
        assert over_seeds == gauge.over_seeds
        if gauge.hidden_only:
            assert "output layer" in no_meaning
        # The paper in the docs is the paper in the docstring.
        papers = re.findall(r"\w+ et al\. \(\d{4}\)|(?:\w+ & )?\w+ \(\d{4}\)", paper)
        assert papers or paper.startswith("none"), name
        flat = re.sub(r"\s+", " ", text)
        assert all(cited in flat for cited in papers), (name, papers)


@every_gauge
def test_the_docstring_says_what_it_needs_and_gives(gauge: Gauge) -> None:
    text = inspect.getdoc(gauge.measure) or ""
    assert "Args:" in text
    assert "Returns:" in text
    needed = text.split("Args:")[1].split("Returns:")[0]
    assert gauge.needs <= FIELDS
    assert all(f"`{name}`" in needed for name in gauge.needs), gauge.needs


@every_gauge
def test_it_reads_nothing_but_what_it_says_it_needs(gauge: Gauge) -> None:
    """Tapping only what is needed must be enough."""
    read = set()

    class Spy(LayerSignals):
        def __getattribute__(self, name: str):
            if name not in FIELDS:
                return super().__getattribute__(name)
            read.add(name)
            return getattr(FULL, name)

    assert set(gauge.measure(Spy())) == set(gauge.quantities)
    assert read == gauge.needs


def _full() -> LayerSignals:
    rng = np.random.default_rng(0)
    return LayerSignals(
        **{name: rng.normal(size=(5, 4)) for name in _OF_UNITS},
        **{name: rng.normal(size=(3, 4)) for name in ("weight", "weight_grad", "update")},
        delta_next=rng.normal(size=(5, 2)),
        stream=rng.normal(size=(5, 6)),
        max_slope=np.float64(1),
        saturates=np.bool_(True),
        output_jacobian=rng.normal(size=(2, 3, 4)),
    )


FULL = _full()


def test_taken_at_every_step_or_at_probes() -> None:
    assert set(STEP_QUANTITIES) | set(PROBE_QUANTITIES) == set(QUANTITIES)
    assert "update_ratio" not in PROBE_QUANTITIES
