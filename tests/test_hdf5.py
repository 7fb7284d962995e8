"""HDF5 files from strangers: what would break the process, fill the memory or lead out of the file."""

from __future__ import annotations

import contextlib
import hashlib
import sys
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from gradgauge import hdf5
from gradgauge.errors import RunFileProblem
from gradgauge.hdf5 import Fatal, Outside, TooLarge, numbers_in, survive
from gradgauge.own.loading import ModelProblem
from gradgauge.run import Run
from tests.test_run import small_run

CRASH = "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"


@pytest.fixture
def trial(tmp_path, monkeypatch):
    """Takes the place of the reading in another process."""

    def put(code):
        script = tmp_path / "trial.py"
        script.write_text(code)
        monkeypatch.setattr(hdf5, "_TRIAL", script)

    return put


@pytest.mark.skipif(sys.platform == "win32", reason="signals end processes on POSIX")
def test_what_the_library_does_not_survive_is_a_sentence(tmp_path, trial):
    path = small_run().save(tmp_path / "run.nc")
    path.write_bytes(path.read_bytes()[:-1])  # No longer as it was saved.
    trial(CRASH)
    with pytest.raises(RunFileProblem) as caught:
        Run.load(path)
    assert caught.value.reason == "unreadable"
    from gradgauge.diagnosis.loading import load_model

    for name in ("model.h5", "model.keras"):
        with zipfile.ZipFile(tmp_path / name, "w") as file:
            file.writestr("config.json", "{}")
            file.writestr("model.weights.h5", "")
        with pytest.raises(ModelProblem) as caught:
            load_model(str(tmp_path / name))
        assert caught.value.reason == "unreadable"


def test_what_never_comes_back_is_given_up(trial, monkeypatch):
    trial("while True: pass")
    monkeypatch.setattr(hdf5, "_LONGEST", 0.2)
    with pytest.raises(Fatal):
        survive("any")


def test_an_error_of_its_own_is_for_whoever_reads_in_earnest(trial, tmp_path):
    trial("raise ValueError")
    survive("any")
    survive("a\0b")
    (tmp_path / "garbage").write_bytes(b"garbage")
    survive(tmp_path / "garbage")


@pytest.fixture
def tried(monkeypatch) -> list:
    """The files that another process had to read first."""
    files = []
    monkeypatch.setattr("gradgauge.run.survive", files.append)
    return files


def test_a_run_of_ones_own_needs_no_other_process(tmp_path, tried):
    path = small_run().save(tmp_path / "run.nc")
    Run.load(path.rename(tmp_path / "renamed.nc"))
    assert not tried


@pytest.mark.parametrize("change", ["damaged", "another account", "hash of its own", "no secret"])
def test_a_run_of_anybody_elses_is_read_elsewhere_first(tmp_path, monkeypatch, tried, change):
    """A digest that anybody can compute would let anybody's file reach the HDF5 library."""
    path = small_run().save(tmp_path / "run.nc")
    raw = path.read_bytes()
    if change == "damaged":
        path.write_bytes(raw[:500] + bytes([raw[500] ^ 1]) + raw[501:])
    elif change == "another account":
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "another account"))
    elif change == "hash of its own":
        path.write_bytes(raw[:-32] + hashlib.sha256(raw[:-48]).digest())
    else:
        monkeypatch.setattr("gradgauge.seal.secret", lambda: None)
    with contextlib.suppress(RunFileProblem):
        Run.load(path)
    assert tried == [path]


def test_an_account_that_keeps_no_secret_saves_and_reads_runs(tmp_path, monkeypatch):
    monkeypatch.setattr("gradgauge.seal.secret", lambda: None)
    run = small_run()
    assert Run.load(run.save(tmp_path / "run.nc")).name == run.name


def test_others_read_a_run_with_its_digest(tmp_path):
    import xarray

    path = small_run().save(tmp_path / "run.nc")
    with xarray.open_datatree(path, engine="h5netcdf") as tree:
        assert set(tree.children) == {"steps", "probes", "epochs"}
    with h5py.File(path, "r+") as file:
        file.attrs["mine"] = "more"
    assert Run.load(path).attributes["mine"] == "more"


@pytest.mark.parametrize("name", ["m{}", "steps/m{}"])
def test_a_run_of_thousands_of_groups_is_refused(tmp_path, name):
    path = small_run().save(tmp_path / "run.nc")
    with h5py.File(path, "r+") as file:
        for at in range(100):
            file.create_group(name.format(at))
    with pytest.raises(RunFileProblem):
        Run.load(path)


@pytest.mark.parametrize("elsewhere", [True, False])
def test_numbers_in_place_of_axes_are_refused(tmp_path, monkeypatch, elsewhere):
    """HDF5 took them for references and wrote past their end."""
    path = small_run().save(tmp_path / "run.nc")
    with h5py.File(path, "r+") as file:
        array = next(a for a in file.require_group("steps").values() if "DIMENSION_LIST" in a.attrs)
        del array.attrs["DIMENSION_LIST"]
        numbers = np.array([np.arange(3), np.arange(2)], dtype=object)
        array.attrs.create("DIMENSION_LIST", numbers, dtype=h5py.vlen_dtype(np.int32))
    if not elsewhere:
        monkeypatch.setattr("gradgauge.run.survive", lambda _: None)
    with pytest.raises(RunFileProblem):
        Run.load(path)


def open_with(path: Path, make) -> h5py.File:
    with h5py.File(path, "w") as file:
        make(file)
    return h5py.File(path, "r")


def chunks(file, rows, chunk, times=1, write=True):
    how = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    how.set_chunk((chunk,))
    for _ in range(times):
        how.set_deflate(9)
    space = h5py.h5s.create_simple((rows,), (h5py.h5s.UNLIMITED,))
    array = h5py.h5d.create(file.id, b"x", h5py.h5t.NATIVE_FLOAT, space, how)
    if write:
        h5py.Dataset(array)[...] = 0


REFUSED = {
    "one chunk for one number": (lambda f: chunks(f, 1, 5_000_000, 2), TooLarge),
    "packed twice": (lambda f: chunks(f, 5_000_000, 1_000_000, 2), TooLarge),
    "nothing written": (lambda f: f.create_dataset("x", (10**9,), "f4"), TooLarge),
    "texts of any length": (lambda f: f.create_dataset("x", (9,), h5py.string_dtype()), TypeError),
    "rows of any length": (lambda f: f.create_dataset("x", (9,), h5py.vlen_dtype("f4")), TypeError),
    "references": (lambda f: f.create_dataset("x", (9,), h5py.ref_dtype), TypeError),
    "texts inside": (
        lambda f: f.create_dataset("x", (9,), np.dtype([("a", "f4"), ("b", h5py.string_dtype())])),
        TypeError,
    ),
    "soft link": (lambda f: f.__setitem__("x", h5py.SoftLink("/x")), Outside),
    "external link": (lambda f: f.__setitem__("x", h5py.ExternalLink("a.h5", "/")), Outside),
    "external storage": (
        lambda f: f.create_dataset("x", (9,), "f4", external=[("a.bin", 0, 36)]),
        Outside,
    ),
}


@pytest.mark.parametrize("case", sorted(REFUSED))
def test_what_no_file_of_ours_needs_is_refused(tmp_path, case):
    make, problem = REFUSED[case]
    with open_with(tmp_path / "x.h5", make) as file, pytest.raises(problem):
        numbers_in(file)


def test_what_does_not_fit_the_memory_is_refused(tmp_path, monkeypatch):
    with open_with(tmp_path / "x.h5", lambda f: f.create_dataset("x", data=np.ones(1000))) as file:
        assert numbers_in(file) == 1000
        monkeypatch.setattr(hdf5, "free_memory", lambda: 7_999.0)
        with pytest.raises(TooLarge):
            numbers_in(file)


def test_plain_types_and_loops_are_read(tmp_path):
    def make(file):
        kinds = ("f2", "f8", "i1", "u8", "?", "c8", "S5", "V3", ">f4")
        for kind in kinds:
            file.create_dataset(f"g/{kind.strip('>?')}x{len(kind)}", data=np.zeros(2, kind))
        file.create_dataset("empty", data=h5py.Empty("f4"))
        file.create_dataset("unlimited", (0, 3), "f4", maxshape=(None, 3))
        file["g/again"] = file["/"]

    with open_with(tmp_path / "x.h5", make) as file:
        assert numbers_in(file) == 18


def test_a_packed_member_is_gone_through_once(tmp_path):
    """zipfile begins anew at each step back: 300 of them over 60 MB took minutes."""
    from gradgauge.diagnosis.model_file.archive import contents

    with h5py.File(tmp_path / "w.h5", "w") as file:
        for group in range(150):
            file.create_dataset(f"g{group}/x", data=np.zeros(100_000, "f4"))
    with zipfile.ZipFile(tmp_path / "m.keras", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("config.json", "{}")
        packed.write(tmp_path / "w.h5", "model.weights.h5")
    assert contents(tmp_path / "m.keras").numbers == 15_000_000
