"""Where stdout or stderr takes nothing: one sentence if anybody can be told, and the exit code."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gradgauge.errors import OutputProblem
from gradgauge.writing import write_text_whole

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


POSIX = pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")


@POSIX
@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_file_of_ours(tmp_path, closed):
    """The next file that is opened would have their number, and get what is meant for them."""
    code = (
        "import os, sys; from gradgauge.cli import app\n"
        "app._open_what_is_closed()\n"
        "file = open('figures', 'w')\n"
        "print('out'); print('err', file=sys.stderr); os.write(1, b'out'); os.write(2, b'err')\n"
        "assert file.fileno() > 2\n"
        "app.main(['explain', 'vanishing-gradient'])\n"
    )
    command = f'exec "$@" {closed}'
    done = subprocess.run(
        ["sh", "-c", command, "sh", sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        timeout=120,
    )
    assert done.returncode == 0
    assert (tmp_path / "figures").read_bytes() == b""
    assert b"Traceback" not in done.stderr


@POSIX
def test_a_stopped_command_does_not_wait_for_whoever_reads_no_more():
    """stderr a pipe that is full: the sentence is lost, the process ends all the same."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    while True:
        try:
            os.write(writing, b"x" * 4096)
        except BlockingIOError:
            break
    os.set_blocking(writing, True)
    for stderr in (writing, None):
        code = "from gradgauge.cli.interrupt import leave\n"
        code += "import os; os.close(2)\n" if stderr is None else ""
        command = [sys.executable, "-c", f"{code}leave()"]
        assert subprocess.run(command, stderr=stderr, timeout=60).returncode == 130
    os.close(reading)
    os.close(writing)
