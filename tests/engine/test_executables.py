"""Programs on disk: found again by what they depend on, and never a wrong or a broken one."""

from __future__ import annotations

import subprocess
import sys
import uuid
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

from gradgauge.engine import executables, runtime  # noqa: F401  runtime sets up JAX
from gradgauge.engine.executables import load_or_compile

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
    fresh = compiled(7.0)
    load_or_compile("sin", lambda: fresh)
    assert not list(folder.glob("*.program"))


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
