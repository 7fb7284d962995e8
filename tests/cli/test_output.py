"""Where stdout or stderr takes nothing: one sentence if anybody can be told, and the exit code."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gradgauge.errors import OutputProblem
from gradgauge.run import write_text_whole

MAIN = "import sys; sys.argv[0] = 'gradgauge'; from gradgauge.cli.app import main; main()"
FULL = Path("/dev/full")


def run(*arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **environment):
    return subprocess.run(
        [sys.executable, "-c", MAIN, *arguments],
        stdout=stdout,
        stderr=stderr,
        env={**os.environ, **environment},
        timeout=120,
    )


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full on this system")
@pytest.mark.parametrize(
    "arguments",
    [
        ["list", "activations"],
        ["--help"],
        ["theory", "tanh", "--sigma-w", "1.5", "--json"],
        ["explain", "vanishing-gradient"],
    ],
    ids=" ".join,
)
def test_a_full_output_is_one_sentence(arguments):
    with FULL.open("wb") as full:
        done = run(*arguments, stdout=full)
    said = done.stderr.decode().splitlines()
    assert done.returncode == 2
    assert len(said) == 1 and said[0].startswith("error: the output cannot be written")


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full on this system")
def test_the_exit_code_says_it_where_nobody_can_be_told():
    with FULL.open("wb") as full:
        assert run("compare", "rleu", stderr=full).returncode == 2


def test_letters_that_the_terminal_lacks_are_escaped():
    done = run("explain", "vanishing-gradient", "--lang", "ko", PYTHONIOENCODING="latin-1")
    assert done.returncode == 0
    assert b"\\u" in done.stdout and not done.stderr


def test_a_name_with_a_nul_is_one_sentence(tmp_path):
    with pytest.raises(OutputProblem):
        write_text_whole(tmp_path / "a\0b.txt", "")
