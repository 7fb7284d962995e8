"""A Run comes back from disk as it was, and a failing write leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import h5netcdf
import h5py
import numpy as np
import pytest
import xarray
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from gradgauge.errors import OutputProblem, RunFileProblem
from gradgauge.run import FORMAT_VERSION, Run, RunGroup
from gradgauge.writing import write_text_whole, write_whole

names = st.sampled_from(["delta_norm", "z_mean", "loss", "weight_norm", "update_ratio"])
floats = st.floats(width=32, allow_nan=True, allow_infinity=True)
text = st.text(
    st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=["Cs"]), max_size=30
)


@st.composite
def runs(draw: st.DrawFn) -> Run:
    """Small Runs with any text, any floats, any sizes."""
    members, layers = draw(st.integers(1, 3)), draw(st.integers(2, 5))
    sizes = {
        "step": draw(st.integers(1, 5)),
        "probe_step": draw(st.integers(1, 4)),
        "epoch": draw(st.integers(1, 3)),
    }
    seeds = np.array(
        draw(st.lists(st.integers(0, 2**31), min_size=members, max_size=members, unique=True)),
        np.int64,
    )
    by = {
        "steps": ("member", "step", "layer"),
        "probes": ("member", "probe_step", "layer"),
        "epochs": ("member", "epoch"),
    }
    lengths = {"member": members, "layer": layers, **sizes}
    coords = {"member": seeds, "layer": np.arange(1, layers + 1)}
    coords |= {axis: np.arange(size) for axis, size in sizes.items()}
    groups = {}
    for group, axes in by.items():
        shape = tuple(lengths[axis] for axis in axes)
        dtype = draw(st.sampled_from([np.float32, np.float64]))
        variables = {
            name: (axes, draw(hnp.arrays(dtype, shape, elements=floats)))
            for name in draw(st.sets(names, min_size=1))
        }
        groups[group] = RunGroup({axis: coords[axis] for axis in axes}, variables)
    figures = {
        "test_accuracy": (("member",), draw(hnp.arrays(np.float64, members, elements=floats)))
    }
    attributes = {
        "name": draw(text.filter(bool)),
        "notation": f"12-5x{layers - 1}-3 relu",
        "parameters": draw(st.integers(0, 2**40)),
        "scale": draw(st.floats(allow_nan=False)),
        "note": draw(text.filter(bool)),
    }
    return Run(attributes, RunGroup({"member": seeds}, figures), groups)


def small_run() -> Run:
    member, layer = np.array([0, 7]), np.array([1, 2])
    by_layer = ("member", "step", "layer")
    return Run(
        {"name": "relu", "notation": "12-5-3 relu"},
        RunGroup({"member": member}, {"test_accuracy": (("member",), np.array([0.9, 0.8]))}),
        {
            "steps": RunGroup(
                {"member": member, "step": np.arange(3), "layer": layer},
                {"weight_norm": (by_layer, np.arange(12.0).reshape(2, 3, 2))},
            ),
            "probes": RunGroup(
                {"member": member, "probe_step": np.array([0, 3]), "layer": layer},
                {"delta_norm": (("member", "probe_step", "layer"), np.ones((2, 2, 2)))},
            ),
            "epochs": RunGroup(
                {"member": member, "epoch": np.array([1])},
                {"loss": (("member", "epoch"), np.array([[0.5], [np.nan]]))},
            ),
        },
    )


def assert_identical(one: Run, two: Run) -> None:
    assert one.attributes == two.attributes
    assert {k: type(v) for k, v in one.attributes.items()} == {
        k: type(v) for k, v in two.attributes.items()
    }
    assert set(one.groups) == set(two.groups)
    for a, b in [(one.members, two.members), *((one.groups[g], two.groups[g]) for g in one.groups)]:
        assert set(a.coords) == set(b.coords)
        assert set(a.variables) == set(b.variables)
        for axis in a.coords:
            np.testing.assert_array_equal(a.coords[axis], b.coords[axis])
        for name, (axes, array) in a.variables.items():
            assert b.variables[name][0] == axes
            assert b.variables[name][1].dtype == array.dtype
            np.testing.assert_array_equal(b.variables[name][1], array)


@given(run=runs())
def test_what_is_saved_loads_back_identical(run: Run, tmp_path_factory) -> None:
    path = tmp_path_factory.mktemp("run") / "run.nc"
    assert run.save(path) == path
    assert_identical(run, Run.load(path))


def test_it_is_netcdf4_that_xarray_opens(tmp_path: Path) -> None:
    """CONTRACT section 4: groups and axes by name, for whoever has no gradgauge."""
    path = small_run().save(tmp_path / "run.nc")
    with xarray.open_dataset(path, group="steps", engine="h5netcdf") as steps:
        assert steps["weight_norm"].dims == ("member", "step", "layer")
        assert steps["weight_norm"].sel(step=2, layer=2).values.tolist() == [5, 11]
    with h5netcdf.File(path) as file:
        assert set(file.groups) == {"steps", "probes", "epochs"}
        assert file.attrs["format_version"] == FORMAT_VERSION


def test_views_for_xarray_and_pandas() -> None:
    run = small_run()
    tree = run.to_xarray()
    assert set(tree.children) == {"steps", "probes", "epochs"}
    assert tree.attrs["notation"] == "12-5-3 relu"
    assert tree["steps"]["weight_norm"].sel(member=7, step=0, layer=1).item() == 6
    assert tree.to_dataset()["test_accuracy"].values.tolist() == [0.9, 0.8]
    assert set(run.steps) == {"weight_norm"}
    assert set(run.probes) == {"delta_norm"}
    assert run.epochs["loss"].shape == (2, 1)
    table = run.to_pandas("steps")
    assert list(table.index.names) == ["member", "step", "layer"]
    assert table.loc[(7, 2, 2), "weight_norm"] == 11
    assert run.seeds == [0, 7]
    assert run.figure("test_accuracy").tolist() == [0.9, 0.8]


def test_a_newer_format_says_so(tmp_path: Path) -> None:
    path = small_run().save(tmp_path / "run.nc")
    with h5py.File(path, "a") as file:
        file.attrs["format_version"] = FORMAT_VERSION + 1
    with pytest.raises(RunFileProblem) as caught:
        Run.load(path)
    assert (caught.value.reason, caught.value.path) == ("newer", str(path))
    assert caught.value.facts == {"version": FORMAT_VERSION + 1, "known": FORMAT_VERSION}
    assert str(FORMAT_VERSION + 1) in str(caught.value)


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(RunFileProblem) as caught:
        Run.load(tmp_path / "none.nc")
    assert caught.value.reason == "missing"


def cut(raw: bytes) -> bytes:
    return raw[: len(raw) // 2]


@pytest.mark.parametrize("spoil", [cut, lambda raw: raw[:0], lambda raw: b"not a run" + raw[9:]])
def test_a_damaged_file_says_so(tmp_path: Path, spoil) -> None:
    path = small_run().save(tmp_path / "run.nc")
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(RunFileProblem) as caught:
        Run.load(path)
    assert (caught.value.reason, caught.value.path) == ("unreadable", str(path))


def test_a_netcdf_file_that_is_no_run_says_so(tmp_path: Path) -> None:
    path = tmp_path / "other.nc"
    with h5netcdf.File(path, "w") as file:
        file.attrs["title"] = "rain"
    with pytest.raises(RunFileProblem) as caught:
        Run.load(path)
    assert caught.value.reason == "unreadable"


def test_a_failing_write_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("old")

    def fail(temporary: Path) -> None:
        temporary.write_text("half")
        raise RuntimeError("broken off")

    with pytest.raises(RuntimeError):
        write_whole(path, fail)
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]


def test_a_file_is_replaced_and_never_written_over(tmp_path: Path) -> None:
    """Whoever reads the old file meanwhile reads it to its end."""
    path = tmp_path / "run.nc"
    path.write_text("old")
    with path.open() as reader:
        small_run().save(path)
        assert reader.read() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["run.nc"]
    assert Run.load(path).name == "relu"


@pytest.mark.parametrize("before", ["old", None])
def test_killed_in_the_middle_leaves_the_old_file_or_none(tmp_path: Path, before) -> None:
    path = tmp_path / "run.nc"
    if before:
        path.write_text(before)
    script = (
        "import os, signal, sys\n"
        "from gradgauge.writing import write_whole\n"
        "def write(temporary):\n"
        "    temporary.write_text('half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "write_whole(sys.argv[1], write)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(path)])
    assert done.returncode == -signal.SIGKILL
    assert (path.read_text() if path.exists() else None) == before


def test_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    def fail(temporary: Path) -> None:
        temporary.write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OutputProblem) as caught:
        write_whole(tmp_path / "run.nc", fail)
    assert caught.value.reason == "not_writable"
    assert caught.value.facts["why"] == "No space left on device"
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_a_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(OutputProblem) as caught:
        small_run().save(tmp_path / "runs" / "run.nc")
    assert caught.value.path == str(tmp_path / "runs" / "run.nc")


def test_folders_are_made_and_others_may_read(tmp_path: Path) -> None:
    umask = os.umask(0)
    os.umask(umask)
    path = write_text_whole(tmp_path / "a" / "b.txt", "text")
    assert path.read_text() == "text"
    assert path.stat().st_mode & 0o777 == 0o666 & ~umask


def test_a_damaged_or_strangers_file_is_one_sentence(tmp_path):
    """Attributes of wrong kinds, arrays of wrong shapes, links out of the file, huge arrays."""

    from gradgauge.errors import RunFileProblem
    from gradgauge.run import GROUPS, RunGroup

    run = Run(
        {"name": "relu", "notation": "4-3-2 relu", "layers": '[{"name": "a"}]', "notes": "[]"},
        RunGroup({"member": np.arange(2)}, {"test_loss": (("member",), np.zeros(2))}),
        {name: RunGroup({"member": np.arange(2)}) for name in GROUPS},
    )

    def attribute(name, value):
        return lambda file: file.attrs.__setitem__(name, value)

    def linked(file):
        del file["test_loss"]
        file["test_loss"] = h5py.ExternalLink("secret.h5", "/k")

    def replaced(**how):
        def change(file):
            del file["test_loss"]
            file.create_dataset("test_loss", **how)

        return change

    changes = [
        attribute("name", 5),
        attribute("layers", "{"),
        attribute("layers", '[{"name": 5}]'),
        attribute("layers", "[" * 9_999),
        attribute("layers", '[{"name": "a", "units": "many"}]'),
        attribute("notes", '[{"subject": "none", "reason": "none"}]'),
        attribute("parameters", np.nan),
        attribute("training", "[]"),
        attribute("format_version", np.nan),
        lambda file: file.__delitem__("epochs"),
        lambda file: file.__delitem__("member"),
        linked,
        replaced(shape=(10**6, 10**6), dtype="f4", chunks=(10, 10)),
        replaced(data=["a", "b"], dtype=h5py.string_dtype()),
    ]
    for at, change in enumerate(changes):
        path = run.save(tmp_path / f"{at}.nc")
        Run.load(path)
        with h5py.File(path, "r+") as file:
            change(file)
        with pytest.raises(RunFileProblem) as caught:
            Run.load(path)
        assert "\n" not in str(caught.value)


def test_names_lose_what_is_not_to_be_shown():
    from gradgauge.layers import LayerInfo
    from gradgauge.messages.clean import clean_tree

    assert LayerInfo("\x1b[31mfc\x00\ud800\u2028\u202e").name == "\ufffd[31mfc" + "\ufffd" * 4
    assert clean_tree({"a\x07": ["\x9b2J", 1, "층 1\n"]}) == {"a\ufffd": ["\ufffd2J", 1, "층 1\n"]}
