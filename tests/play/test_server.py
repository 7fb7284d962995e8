"""The server: who comes in, what each may do, and what happens when something breaks."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from gradgauge.cli.app import run
from tests.play.served import SMALL, Served, send, served, until


def looking(server: Served) -> str:
    """The viewers' token, as the presenter's page carries it."""
    _, page = server.get(f"/?token={server.token}")
    found = re.search(r"token=([\w-]+)", page.partition('"share"')[2])
    assert found
    return found[1]


def worker_of(server: Served) -> int:
    """The process that trains: the only child of the server's."""
    threads = Path(f"/proc/{server.process.pid}/task").iterdir()
    children = [child for one in threads for child in (one / "children").read_text().split()]
    return int(children[0])


def test_the_page_is_one_file_that_loads_nothing(server: Served) -> None:
    status, page = server.get(f"/?token={server.token}")
    assert status == 200
    assert not re.search(r'(?:src|href)="(?!#|data:)', page.partition("<script")[0])


@pytest.mark.parametrize(
    "path", ["/", "/?token=", "/?token=wrong", "/replay.html", "/code", "/run.nc", "/picture.svg"]
)
def test_nobody_comes_in_without_a_token(server: Served, path: str) -> None:
    assert server.get(path)[0] == 403


def test_a_name_that_is_not_ours_is_refused(server: Served) -> None:
    assert server.get(f"/?token={server.token}", host="evil.example")[0] == 403


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1:1"])
def test_a_foreign_page_cannot_drive(server: Served, origin: str) -> None:
    with pytest.raises(InvalidStatus):
        server.live(origin=origin)


def test_a_wrong_token_sees_nothing(server: Served) -> None:
    with pytest.raises((InvalidStatus, ConnectionClosed)), server.live(token="wrong") as line:
        line.recv(timeout=10)


def test_a_viewer_looks_and_cannot_drive(server: Served) -> None:
    with server.live(token=looking(server)) as viewer, server.live() as presenter:
        assert until(viewer, "you")["driving"] is False
        assert until(presenter, "you")["driving"] is True
        until(viewer, "history")
        send(viewer, "reset")
        send(viewer, "open", fragment="act=tanh")
        send(presenter, "reset")
        assert until(viewer, "opened")["settings"]["act"] == "sigmoid"
        assert until(viewer, "status")["status"] == "paused"
        send(viewer, "look", network=0, layer=2, unit=None, step=0)
        assert until(viewer, "layer")["seen"]["step"] == 0


def test_a_viewer_may_have_a_room_of_its_own(server: Served) -> None:
    with server.live(token=looking(server)) as viewer:
        until(viewer, "history")
        send(viewer, "own")
        assert until(viewer, "you") == {"kind": "you", "driving": True, "own": True}
        send(viewer, "open", fragment=SMALL.replace("sigmoid", "tanh"))
        while until(viewer, "opened")["settings"]["act"] != "tanh":
            pass
        send(viewer, "back")
        while until(viewer, "you")["own"]:
            pass
        told = until(viewer, "history")["told"]
        assert [one["settings"]["act"] for one in told if one["kind"] == "opened"] == ["sigmoid"]


def test_garbage_ends_its_own_line_alone(server: Served) -> None:
    with server.live() as hostile, server.live() as other:
        with pytest.raises(ConnectionClosed):
            for _ in range(100):
                hostile.send("[" * 500)
                hostile.send(b"\x00\xff" * 100)
                time.sleep(0.01)
        send(other, "step")
        until(other, "status")


def test_who_comes_later_is_told_all(server: Served) -> None:
    with server.live() as first:
        send(first, "reset")
        send(first, "play")
        send(first, "speed", frames=20)
        while until(first, "status")["status"] != "done":
            pass
    with server.live() as later:
        history = until(later, "history")
    steps = [frame["step"] for frame in history["frames"]]
    assert steps == sorted(steps)
    assert steps[0] == 0
    opened = next(one for one in history["told"] if one["kind"] == "opened")
    assert steps[-1] == opened["steps"]


def test_a_worker_that_dies_is_started_again_and_gives_the_same_figures(server: Served) -> None:
    with server.live() as line:
        send(line, "reset")
        send(line, "step")
        while (before := until(line, "frame"))["step"] != 1:
            pass
        os.kill(worker_of(server), signal.SIGKILL)
        assert until(line, "worker")["state"] == "restarted"
        # Given before the new worker is there: it is done as soon as it is.
        send(line, "reset")
        until(line, "opened")
        until(line, "opened")
        send(line, "step")
        while (after := until(line, "frame"))["step"] != 1:
            pass
        assert after["networks"] == before["networks"]


def test_code_and_replay_are_handed_out(server: Served) -> None:
    query = (
        f"token={server.token}&network=1&inputs=2&outputs=2&settings={SMALL.replace('&', '%26')}"
    )
    status, code = server.get(f"/code?{query}&framework=pytorch")
    assert status == 200
    assert "torch.nn.ReLU()" in code
    assert server.get(f"/code?{query}&framework=caffe")[0] == 404
    status, replay = server.get(f"/replay.html?token={server.token}")
    assert status == 200
    boot = json.loads(replay.partition('id="boot">')[2].partition("</script>")[0])
    assert boot["replay"]["frames"][0]["step"] == 0


def test_run_files_and_pictures_are_the_presenters(server: Served) -> None:
    for path in ("run.nc", "picture.svg"):
        assert server.get(f"/{path}?token={looking(server)}")[0] == 403
    assert server.get(f"/run.nc?token={server.token}&network=7")[0] == 404
    assert server.get(f"/run.nc?token={server.token}&network=x")[0] == 404
    assert server.get(f"/picture.exe?token={server.token}")[0] == 404


def test_ctrl_c_ends_it_within_two_seconds_and_its_worker_too() -> None:
    with served(SMALL) as running:
        assert running.address.startswith("http://127.0.0.1:")
        with running.live() as line:
            until(line, "frame")
            worker = worker_of(running)
            began = time.monotonic()
            running.process.send_signal(signal.SIGINT)
            assert running.process.wait(5) == 130
            assert time.monotonic() - began < 2
        end = time.monotonic() + 5
        alive = Path(f"/proc/{worker}")
        while alive.exists() and time.monotonic() < end:
            time.sleep(0.05)
        assert not alive.exists()


def test_a_data_file_of_ones_own_is_trained_on(server: Served) -> None:
    rows = [f"{x},{y},{int(x * y > 0)}" for x in range(-8, 8) for y in range(-8, 8)]
    body = "\n".join(["x,y,class", *rows]).encode()

    def given(origin: str) -> tuple[int, str]:
        request = urllib.request.Request(
            f"http://{server.host}/data?token={server.token}&kind=csv",
            data=body,
            headers={"Origin": origin},
        )
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, ""

    assert given("http://evil.example")[0] == 403
    status, answer = given(f"http://{server.host}")
    assert status == 200
    data = json.loads(answer)["data"]
    assert data == f"own:{hashlib.sha256(body).hexdigest()}"
    with server.live() as line:
        send(line, "open", fragment=f"net=8x4&act=sigmoid&b.act=relu&batch=32&epochs=2&data={data}")
        while (opened := until(line, "opened"))["settings"]["data"] != data:
            pass
        assert (opened["data"]["inputs"], opened["data"]["outputs"]) == (2, 2)
        assert len(until(line, "frame")["networks"][0]["surface"]) == 32 * 32
        send(line, "open", fragment=SMALL)
        until(line, "opened")


@pytest.mark.parametrize("port", ["99999999", "65536", "-1"])
def test_a_port_that_does_not_exist_is_one_sentence(
    capsys: pytest.CaptureFixture[str], port: str
) -> None:
    assert run(["play", "--no-browser", "--port", port]) == 2
    assert "65535" in capsys.readouterr().err
