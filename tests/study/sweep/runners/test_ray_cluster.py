"""A Ray cluster whose processes die: one sentence, and nothing of it is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from gradgauge.study.sweep.runners import ray_guard
from gradgauge.study.sweep.runners.ray_guard import born, children, command
from tests.study.sweep.test_sweep import write_plan


def _below(pid: int) -> dict[int, list[str]]:
    """All that stem from a process, with their commands."""
    found, todo = {}, [pid]
    while todo:
        for child in children(todo.pop()):
            found[child] = command(child) or [""]
            todo.append(child)
    return found


def _wait(condition, seconds: float = 120.0):
    until = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < until, "it did not come to that"
        time.sleep(0.1)
    return found


def test_a_dead_raylet_is_one_sentence_and_nothing_is_left(blobs, tmp_path):
    plan = write_plan(tmp_path, blobs, count=200)
    code = "from gradgauge.cli.app import main; main()"
    sweep = ["sweep", str(plan), "--out", str(tmp_path / "study"), "--runner", "ray"]
    driver = subprocess.Popen(
        [sys.executable, "-c", code, *sweep], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )

    def at_work():
        assert driver.poll() is None, driver.communicate()[1]
        below = _below(driver.pid)
        return any(words[0].startswith("ray::_work") for words in below.values()) and below

    below = _wait(at_work)
    (raylet,) = (pid for pid, words in below.items() if Path(words[0]).name == "raylet")
    since = {pid: born(pid) for pid in below}
    os.kill(raylet, signal.SIGKILL)
    _, said = driver.communicate(timeout=60)

    assert driver.returncode == 2
    assert "Traceback" not in said.decode()
    assert said.decode().count("error: ") == 1 and "finished cells are kept" in said.decode()
    _wait(lambda: not [pid for pid in below if since[pid] and born(pid) == since[pid]], 20.0)


_OWNER = """
import subprocess, sys, time
guard, child = sys.argv[1:]
other = subprocess.Popen(["sleep", "300"])
pipe = subprocess.Popen([sys.executable, "-I", guard, str(__import__("os").getpid()), str(other.pid)],
                        stdin=subprocess.PIPE, start_new_session=True)
subprocess.Popen([sys.executable, child])
time.sleep(300)
"""

_SERVER = """
import subprocess, time
subprocess.Popen(["sleep", "300"], start_new_session=True)
time.sleep(300)
"""


def test_the_guard_ends_what_a_killed_owner_started_and_nothing_else(tmp_path):
    server = tmp_path / "ray" / "server.py"
    server.parent.mkdir()
    server.write_text(_SERVER)
    owner = subprocess.Popen([sys.executable, "-c", _OWNER, ray_guard.__file__, str(server)])
    below = _wait(lambda: (found := _below(owner.pid)) and len(found) == 4 and found)
    rays = [pid for pid, words in below.items() if str(server) in words]
    rays += children(rays[0])
    (other,) = (pid for pid in children(owner.pid) if command(pid)[:1] == ["sleep"])
    time.sleep(2 * ray_guard.LOOK)
    owner.kill()
    owner.wait()
    _wait(lambda: not any(born(pid) for pid in rays), 30.0)
    assert born(other)
    os.kill(other, signal.SIGKILL)
