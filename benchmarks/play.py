"""The live page: how soon it appears, how many viewers it serves, and what serving costs.

    python benchmarks/play.py [--viewers 30] [--seconds 12]
    python benchmarks/play.py --minutes 20  # memory alone

Prints, on the loopback interface: the seconds from the command to the first painted frame, compared
with importing JAX and painting a blank page in the same browser; the frames per second that each
viewer received (three of them real pages, the others clients that read every frame); and the CPU
time of the server, compared with that of the training.
With `--minutes`, prints the memory of server, training and page during a long training instead.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from websockets.sync.client import connect

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
ADDRESS = "net=64x10&act=sigmoid&b.act=relu"
LONG = f"{ADDRESS}&epochs=100&batch=16"
PAGES = 3


def browser(playwright: Any) -> Any:
    path = next(filter(None, map(shutil.which, BROWSERS)))
    return playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])


def served(*options: str) -> tuple[subprocess.Popen[str], str]:
    command = [sys.executable, "-m", "gradgauge", "play", "--no-browser", "--port", "0", *options]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def first_frame(chromium: Any) -> tuple[float, float]:
    """Seconds to the first painted frame, and to JAX and a blank page."""
    began = time.perf_counter()
    process, address = served()
    page = chromium.new_page()
    page.goto(address)
    page.wait_for_selector(".rung")
    ours = time.perf_counter() - began
    process.terminate()
    process.wait()
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import jax"], check=True)
    blank = chromium.new_page()
    blank.goto("data:text/html,<p>blank")
    blank.wait_for_selector("p")
    return ours, time.perf_counter() - began


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def children(pid: int) -> list[int]:
    threads = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for one in threads for child in (one / "children").read_text().split()]


def count_frames(address: str, seconds: float, counts: list[float]) -> None:
    """What one client gets: frames a second, each read before the next."""
    host, token = address.split("/")[2], address.partition("token=")[2].partition("#")[0]
    url, origin = f"ws://{host}/live?token={token}", f"http://{host}"
    with connect(url, origin=origin, max_size=None, proxy=None) as line:
        while json.loads(line.recv())["kind"] != "frame":
            pass
        began, frames = time.perf_counter(), 0
        while time.perf_counter() - began < seconds:
            frames += json.loads(line.recv())["kind"] == "frame"
        counts.append(frames / (time.perf_counter() - began))


def many(chromium: Any, viewers: int, seconds: float) -> None:
    process, address = served(ADDRESS)
    pages = [chromium.new_page() for _ in range(PAGES)]
    for page in pages:
        page.goto(address)
        page.wait_for_selector(".rung")
    counts: list[float] = []
    clients = [
        threading.Thread(target=count_frames, args=(address, seconds, counts))
        for _ in range(viewers - PAGES)
    ]
    (worker,) = children(process.pid)
    before = cpu_seconds(process.pid), cpu_seconds(worker)
    steps = [page.evaluate("gradgauge.state().step") for page in pages]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    server, training = (
        cpu_seconds(pid) - at for pid, at in zip((process.pid, worker), before, strict=True)
    )
    moved = [
        page.evaluate("gradgauge.state().step") - at for page, at in zip(pages, steps, strict=True)
    ]
    print(
        f"{viewers} viewers: {min(counts):.1f} to {max(counts):.1f} frames/s, "
        f"median {statistics.median(counts):.1f}; pages moved by {moved} steps"
    )
    print(f"CPU: server {server:.1f} s, training {training:.1f} s ({server / training:.1%})")
    process.terminate()
    process.wait()


def megabytes(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def memory(chromium: Any, minutes: int) -> None:
    """Print megabytes of server, training and page (its scripts' objects), minute by minute."""
    process, address = served(LONG)
    page = chromium.new_page()
    page.goto(address)
    page.wait_for_selector(".rung")
    tools = page.context.new_cdp_session(page)
    tools.send("Performance.enable")
    (worker,) = children(process.pid)
    for minute in range(1, minutes + 1):
        page.wait_for_timeout(60_000)
        tools.send("HeapProfiler.collectGarbage")
        metrics = {
            one["name"]: one["value"] for one in tools.send("Performance.getMetrics")["metrics"]
        }
        print(
            f"minute {minute}, step {page.evaluate('gradgauge.state().step')}: "
            f"server {megabytes(process.pid):.0f} MB, training {megabytes(worker):.0f} MB, "
            f"page {metrics['JSHeapUsedSize'] / 1e6:.1f} MB, {metrics['Nodes']:.0f} nodes",
            flush=True,
        )
    process.terminate()
    process.wait()


def main() -> None:
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser()
    parser.add_argument("--viewers", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=12.0)
    parser.add_argument("--minutes", type=int, default=0)
    given = parser.parse_args()
    with sync_playwright() as playwright:
        chromium = browser(playwright)
        if given.minutes:
            memory(chromium, given.minutes)
            return
        first_frame(chromium)  # Programs are compiled and cached.
        times = [first_frame(chromium) for _ in range(3)]
        ours, blank = (statistics.median(column) for column in zip(*times, strict=True))
        print(
            f"first frame {ours:.2f} s; JAX and a blank page {blank:.2f} s: {ours / blank:.2f} times"
        )
        many(chromium, given.viewers, given.seconds)
        chromium.close()


if __name__ == "__main__":
    main()
