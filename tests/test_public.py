"""What `import gradgauge` gives: the names, their types, and answers to what is not there."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray

import gradgauge as gg
from gradgauge.datasets import Dataset
from gradgauge.errors import GradgaugeError, InvalidValue, UnknownName
from gradgauge.gauges import QUANTITIES
from gradgauge.spec.notation import parse
from gradgauge.variables import attributes_of

SOURCE = Path(gg.__file__ or "")


def twin() -> dict[str, str]:
    """What the imports for type checkers say: public name -> `module:name`."""
    found: dict[str, str] = {}
    for node in ast.walk(ast.parse(SOURCE.read_text("utf-8"))):
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            for line in node.body:
                assert isinstance(line, ast.ImportFrom)
                for alias in line.names:
                    module = line.module == "gradgauge"
                    home = (
                        f"{line.module}.{alias.name}:" if module else f"{line.module}:{alias.name}"
                    )
                    found[alias.asname or alias.name] = home
    return found


def test_type_checkers_are_told_what_is_there() -> None:
    assert twin() == gg._HOMES
    assert set(gg.__all__) == {*gg._HOMES, "__version__"}
    assert (SOURCE.parent / "py.typed").exists()


@pytest.mark.parametrize("name", sorted(set(gg.__all__) - {"__version__"}))
def test_every_public_name_is_there(name: str) -> None:
    value = getattr(gg, name)
    assert value is not None
    assert value.__doc__


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="comapre"):
        importlib.import_module("gradgauge").comapre  # noqa: B018


@pytest.fixture
def blobs() -> Dataset:
    generator = np.random.default_rng(0)
    x = generator.normal(size=(80, 4)).astype(np.float32)
    y = (x[:, 0] > 0).astype(np.int32)
    return Dataset("blobs", x, y, x, y, "blobs", (4,))


def misused(call: Any, *arguments: Any, **options: Any) -> GradgaugeError:
    with pytest.raises(GradgaugeError) as caught:
        call(*arguments, **options)
    return caught.value


@pytest.mark.parametrize(
    ("option", "meant"), [("lr", "learning_rate"), ("epoch", "epochs"), ("batchsize", "batch_size")]
)
def test_compare_names_the_option_that_was_meant(option: str, meant: str) -> None:
    error = misused(gg.compare, "relu", **{option: 1})
    assert isinstance(error, UnknownName)
    assert (error.kind, error.nearest) == ("option", meant)


def test_why_names_the_option_that_was_meant() -> None:
    error = misused(gg.why, "relu", epoch=1)
    assert isinstance(error, UnknownName)
    assert error.nearest == "epochs"


def test_networks_in_a_list_are_told_apart() -> None:
    error = misused(gg.compare, ["relu", "sigmoid"])
    assert isinstance(error, InvalidValue)
    assert (error.field, error.requirement) == ("networks", "network_as_text")


def test_a_dataset_is_not_an_array() -> None:
    for call in (gg.compare, gg.why):
        error = misused(call, "relu", dataset=np.zeros((3, 4)))
        assert isinstance(error, InvalidValue)
        assert error.field == "dataset"


@pytest.mark.parametrize("write", [gg.write_report, gg.write_picture])
def test_a_path_is_no_run(write: Any, tmp_path: Path) -> None:
    error = misused(write, "relu.nc", tmp_path / "out.html")
    assert isinstance(error, InvalidValue)
    assert error.requirement == "run_or_comparison"
    assert not (tmp_path / "out.html").exists()


def test_compare_takes_specs_and_a_dataset(blobs: Dataset) -> None:
    result = gg.compare(
        parse("4-3-2 relu"), "tanh", depth=1, width=3, dataset=blobs, epochs=1, batch_size=40
    )
    assert result.names == ["4-3-2 relu", "tanh"]
    assert result.networks["tanh"] == parse("4-3-2 tanh")
    assert result.dataset is blobs
    assert repr(result.run("tanh")) == "<Run 'tanh' 4-3-2 tanh: 1 seed, 2 steps, 3 probes, 1 epoch>"
    error = misused(result.run("tanh").figure, "x")
    assert isinstance(error, UnknownName)
    assert error.kind == "figure"
    for read in (
        result.run("tanh").to_pandas,
        lambda name: result.run("tanh").values(name, "z_mean"),
    ):
        error = misused(read, "stepz")
        assert isinstance(error, UnknownName)
        assert (error.kind, error.nearest) == ("group", "steps")


def test_why_takes_what_compare_takes(blobs: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr("gradgauge.study.why.run._experiment", lambda *a: asked.append(a[:4]))
    training = gg.TrainingSpec(seeds=(0, 1, 2), epochs=1)
    gg.why("tanh", dataset=blobs, depth=4, width=3, epochs=1)
    gg.why("4-3x4-2 tanh", dataset=blobs, epochs=1)
    gg.why(parse("4-3x4-2 tanh"), training, blobs)
    assert asked[0] == asked[1] == asked[2]
    assert asked[0][:2] == (parse("4-3x4-2 tanh"), training)
    assert asked[0][2] is blobs
    error = misused(gg.why, "tanh", training, epochs=3)
    assert isinstance(error, InvalidValue)
    assert error.requirement == "not_beside_training"


def test_a_runners_options_are_known() -> None:
    from gradgauge.study.sweep.runners import find_runner

    error = misused(find_runner, "local", jobs=3)
    assert isinstance(error, UnknownName)
    assert error.kind == "option"


def test_what_a_user_holds_says_what_it_is_in_one_line(blobs: Dataset) -> None:
    result = gg.compare("4-3-2 relu", dataset=blobs, epochs=1, batch_size=40)
    accuracy = result.test_accuracy("4-3-2 relu").mean
    assert repr(result) == f"<Comparison on {blobs.name}, test accuracy: 4-3-2 relu {accuracy:.3g}>"
    rows = f"{len(blobs.x_train)} to train, {len(blobs.x_test)} to test, 4 inputs"
    assert repr(blobs) == f"<Dataset {blobs.name!r}: {rows}>"
    why = gg.why("4-3-2 relu", dataset=blobs, epochs=1, batch_size=40, optimizers={"adam": 1e-3})
    assert repr(why).startswith("<Why '4-3-2 relu': adam: ")


def test_every_variable_and_axis_of_a_run_has_a_long_name_and_a_unit(
    blobs: Dataset, tmp_path: Path
) -> None:
    run = gg.compare("4-3x2-2 tanh", dataset=blobs, epochs=1, batch_size=40).runs["4-3x2-2 tanh"]
    saved = xarray.open_datatree(run.save(tmp_path / "run.nc"), engine="h5netcdf")
    for tree in (run.to_xarray(), saved):
        for node in tree.subtree:
            for name, variable in node.variables.items():
                assert variable.attrs["long_name"], name
                assert variable.attrs["units"] == "1", name
    assert all("long_name" in attributes_of(name) for name in QUANTITIES)
