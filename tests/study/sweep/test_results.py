"""A study's tables: every cell in its place, in every form."""

from __future__ import annotations

import numpy as np
import pytest

from gradgauge.errors import InvalidValue, MissingExtra, OutputProblem, UnknownName
from gradgauge.study.sweep import results
from gradgauge.study.sweep.grid import Axis, Plan
from gradgauge.study.sweep.outcomes import read_outcome
from gradgauge.study.sweep.results import load_study
from gradgauge.study.sweep.store import Store

PLAN = Plan(
    axes=(
        Axis(("depth",), ((2,), (5,))),
        Axis(("init", "scale"), (("lecun_normal", 1.0), ("he_normal", 1.5), ("normal", 2.0))),
        Axis(("seed",), ((0,), (4,))),
    ),
    constants={"activation": "tanh", "width": 8},
    outcomes=(read_outcome("test_accuracy"), read_outcome("delta_norm[1]@last")),
)


@pytest.fixture
def study(tmp_path):
    """Cells 0 to 9 done, 10 failed, 11 left; a cell's figures tell its number."""
    store = Store(tmp_path, PLAN, "data", [0] * PLAN.cells)
    for cell in range(10):
        store.done(cell, "a-b", PLAN.values(cell)["seed"], (cell / 10, 10.0**-cell), None)
    store.failed(10, "once")
    store.failed(10, "twice")
    store.close()
    return load_study(tmp_path)


def test_xarray_has_the_plans_axes(study):
    data = study.to_xarray()

    assert dict(data.sizes) == {"depth": 2, "init_scale": 3, "seed": 2}
    assert data["scale"].dims == ("init_scale",)
    point = data.sel(depth=5, seed=0).isel(init_scale=1)
    assert float(point["test_accuracy"]) == 0.8
    assert str(point["init"].item()) == "he_normal"
    assert data["state"].sel(depth=5, seed=0).isel(init_scale=2) == "failed"
    assert data["state"].sel(depth=5, seed=4).isel(init_scale=2) == "left"


def test_pandas_has_a_row_a_cell(study):
    table = study.to_pandas()

    assert len(table) == 12
    for cell in range(10):
        row = table.loc[cell]
        assert {name: row[name] for name in PLAN.values(cell)} == PLAN.values(cell)
        assert row["test_accuracy"] == cell / 10
    assert table["error"].dropna().to_dict() == {10: "twice"}
    assert np.isnan(table.loc[11, "test_accuracy"])


def test_tables_survive_export(study, tmp_path):
    import pandas

    table = study.to_pandas()
    parquet = pandas.read_parquet(study.export(tmp_path / "t.parquet"))
    csv = pandas.read_csv(study.export(tmp_path / "t.csv"), index_col="cell")

    for back in (parquet, csv):
        assert back["depth"].tolist() == table["depth"].tolist()
        assert back["init"].tolist() == table["init"].tolist()
        # CSV gives every digit, so that nothing is lost on the way.
        assert np.array_equal(
            back["delta_norm[1]@last"], table["delta_norm[1]@last"], equal_nan=True
        )


def test_an_unknown_table_format(study, tmp_path, monkeypatch):
    with pytest.raises(UnknownName):
        study.export(tmp_path / "t.xlsx")
    with pytest.raises(OutputProblem):
        (tmp_path / "d.csv").mkdir()
        study.export(tmp_path / "d.csv")
    monkeypatch.setattr(results.importlib.util, "find_spec", lambda name: None)  # noqa: ARG005
    with pytest.raises(MissingExtra):
        study.export(tmp_path / "t.parquet")


def test_a_run_that_was_not_kept(study):
    with pytest.raises(InvalidValue):
        study.run(3)


def test_a_study_can_be_read_while_it_is_written(tmp_path):
    store = Store(tmp_path, PLAN, "data", [0] * PLAN.cells)
    store.done(0, "a-b", 0, (0.5, 0.5), None)

    assert load_study(tmp_path).status["done"] == 1
    store.done(1, "a-b", 0, (0.5, 0.5), None)
    assert load_study(tmp_path).status["done"] == 2
    store.close()
