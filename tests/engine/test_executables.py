"""Programs on disk: found again by what they depend on, and never a wrong or a broken one."""

from __future__ import annotations

import hashlib
import os
import pickle
import stat
import subprocess
import sys
import uuid
import zlib
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

from gradgauge.cli.app import run
from gradgauge.engine import executables
from gradgauge.engine.cache import cache_size, clear_cache, jax_folder, usable_folder
from gradgauge.engine.executables import load_or_compile
from gradgauge.seal import seal

X = jnp.arange(6.0)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GRADGAUGE_CACHE", str(tmp_path))
    return tmp_path


def compiled(factor: float):
    """A program that JAX's own cache can't know: one of its constants was never there before."""
    never_below = -1000.0 - uuid.uuid4().int % 10_000_000
    return jax.jit(lambda x: jnp.maximum(jnp.sin(x) * factor, never_below)).lower(X).compile()


def never():
    raise AssertionError("compiled again")


def test_a_program_is_found_again_and_does_the_same(folder: Path) -> None:
    made = load_or_compile(("sin", 3), lambda: compiled(3.0))
    found = load_or_compile(("sin", 3), never)
    assert found(X).tolist() == made(X).tolist() == (jnp.sin(X) * 3.0).tolist()
    assert len(list(folder.glob("*.program"))) == 1


def test_another_question_source_or_machine_is_another_program(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_or_compile(("sin", 3), lambda: compiled(3.0))
    other = load_or_compile(("sin", 4), lambda: compiled(4.0))
    assert other(X).tolist() == (jnp.sin(X) * 4.0).tolist()
    monkeypatch.setattr(executables, "_circumstances", lambda: "another processor")
    with pytest.raises(AssertionError, match="compiled again"):
        load_or_compile(("sin", 3), never)
    assert len(list(folder.glob("*.program"))) == 2


@pytest.mark.parametrize("damage", ["cut", "changed", "empty", "folder"])
def test_a_damaged_file_costs_a_compilation_and_nothing_else(folder: Path, damage: str) -> None:
    load_or_compile("sin", lambda: compiled(5.0))
    (path,) = folder.glob("*.program")
    whole = path.read_bytes()
    if damage == "folder":
        path.unlink()
        path.mkdir()
    else:
        middle = len(whole) // 2
        changed = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
        path.write_bytes({"cut": whole[:-9], "changed": changed, "empty": b""}[damage])
    again = load_or_compile("sin", lambda: compiled(5.0))
    assert again(X).tolist() == (jnp.sin(X) * 5.0).tolist()


def test_a_folder_that_cannot_be_written_is_no_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("GRADGAUGE_CACHE", str(tmp_path / "file"))
    program = load_or_compile("sin", lambda: compiled(6.0))
    assert program(X).tolist() == (jnp.sin(X) * 6.0).tolist()


def test_what_jaxs_cache_gave_is_not_written(folder: Path) -> None:
    """Such a program lacks code: written again, it would load and then fail when it is run."""
    never_below = -1000.0 - uuid.uuid4().int % 10_000_000

    def compile_():
        return jax.jit(lambda x: jnp.maximum(jnp.sin(x) * 7.0, never_below)).lower(X).compile()

    compile_()
    jax.clear_caches()  # Of this process: what JAX keeps on disk stays.
    load_or_compile("sin", compile_)
    assert not list(folder.glob("*.program"))


def stored(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.program"))


def test_a_file_under_another_programs_name_is_not_believed(folder: Path) -> None:
    load_or_compile("sin", lambda: compiled(3.0))
    (first,) = stored(folder)
    load_or_compile("other", lambda: compiled(4.0))
    (second,) = set(stored(folder)) - {first}
    second.write_bytes(first.read_bytes())
    again = load_or_compile("other", lambda: compiled(4.0))
    assert again(X).tolist() == (jnp.sin(X) * 4.0).tolist()


class Planted:
    """Unpickled, it says so."""

    ran = False

    def __reduce__(self):
        return setattr, (Planted, "ran", True)


def test_what_others_have_planted_is_not_unpickled(folder: Path) -> None:
    packed = zlib.compress(pickle.dumps(Planted()))
    load_or_compile("sin", lambda: compiled(3.0))
    (path,) = stored(folder)
    name = path.name.removesuffix(".program")
    for key in (b"", bytes(32)):  # No signature, and another account's.
        path.write_bytes(seal(name, packed, key))
        load_or_compile("sin", lambda: compiled(3.0))
    path.write_bytes(hashlib.sha256(packed).digest() + packed)
    load_or_compile("sin", lambda: compiled(3.0))
    assert not Planted.ran


def test_a_folder_that_others_can_write_is_not_used(folder: Path) -> None:
    folder.chmod(0o1777)
    load_or_compile("sin", lambda: compiled(3.0))
    assert not list(folder.iterdir())
    assert usable_folder() is None and jax_folder() is None


@pytest.mark.parametrize("umask", [0, 0o022])
def test_what_is_written_is_ones_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, umask: int
) -> None:
    monkeypatch.setenv("GRADGAUGE_CACHE", str(tmp_path / "new"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    before = os.umask(umask)
    try:
        load_or_compile("sin", lambda: compiled(3.0))
        theirs = jax_folder()
    finally:
        os.umask(before)
    assert theirs is not None
    for place in (tmp_path / "new", theirs):
        assert stat.S_IMODE(place.stat().st_mode) == 0o700
    for file in (*stored(tmp_path / "new"), tmp_path / "state/gradgauge/seal.key"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_copied_folder_is_not_believed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load_or_compile("sin", lambda: compiled(3.0))
    here = jax_folder()
    monkeypatch.setenv("XDG_STATE_HOME", str(folder / "another account"))
    with pytest.raises(AssertionError, match="compiled again"):
        load_or_compile("sin", never)
    assert jax_folder() != here


def test_clearing_deletes_the_caches_own_files_alone(folder: Path) -> None:
    load_or_compile("sin", lambda: compiled(3.0))
    theirs = jax_folder()
    assert theirs is not None
    (theirs / "jit_x-1-cache").write_bytes(b"12345")
    (folder / "thesis").mkdir()
    for name in ("thesis/chapter.tex", "notes.txt"):
        (folder / name).write_text("mine")
    (folder / "linked.program").symlink_to(folder / "notes.txt")
    size = cache_size()
    cleared = clear_cache()
    assert (cleared.size, cleared.failed, cleared.foreign) == (size, [], 3)
    assert not theirs.exists()
    assert (folder / "thesis/chapter.tex").read_text() == "mine"
    assert cache_size() == 0


def test_clearing_through_a_link_clears(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    monkeypatch.setenv("GRADGAUGE_CACHE", str(tmp_path / "link"))
    load_or_compile("sin", lambda: compiled(3.0))
    assert stored(tmp_path / "real")
    assert run(["cache", "--clear"]) == 0
    assert "deleted" in capsys.readouterr().out
    assert not (tmp_path / "real").exists()


def test_what_cannot_be_deleted_is_said(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    load_or_compile("sin", lambda: compiled(3.0))

    def fails(self: Path, missing_ok: bool = False) -> None:  # noqa: ARG001
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "unlink", fails)
    assert run(["cache", "--clear"]) == 2
    assert str(stored(folder)[0]) in capsys.readouterr().err


ONE_TRAINING = """
import json
import gradgauge as gg
result = gg.compare("sigmoid", depth=3, width=8, epochs=1, batch_size=2000)
print(json.dumps(result.run("sigmoid").values("steps", "weight_norm").tolist()))
"""


def test_processes_share_programs_whatever_jaxs_cache_holds(folder: Path) -> None:
    """Compiled; loaded from our files; loaded from JAX's cache, our files being gone."""

    def figures() -> str:
        command = [sys.executable, "-c", ONE_TRAINING]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    first = figures()
    assert len(list(folder.glob("*.program"))) == 3
    assert figures() == first
    for file in folder.glob("*.program"):
        file.unlink()
    assert figures() == first
    assert figures() == first
