"""Build the wheel, install it into an empty environment, and use it from another folder.

    python .ci/try_wheel.py

What somebody has who was handed the file: no make, no git, no clone; on Windows and macOS, too.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COMMANDS: tuple[tuple[str, int, str], ...] = (
    ("gradgauge", 0, "Commands:"),
    ("gradgauge --version", 0, "gradgauge"),
    ("python -m gradgauge list optimizers", 0, "adam"),
    ("gradgauge compare relu sigmoid", 0, "of the error signal reaches"),
    ("gradgauge compare relu sigmoid --lang ko", 0, "오차 신호"),
    ("gradgauge report runs/compare/relu.nc runs/compare/sigmoid.nc --out fig.pdf", 0, "fig.pdf"),
    ("gradgauge theory tanh --sigma-w 1.5 --sigma-b 0.3", 0, "chi_grad"),
    ("gradgauge lesson", 0, "slides-ko.html"),
    ("gradgauge explain dead-units", 0, "dead"),
    ("gradgauge play --no-browser", 2, 'pip install "gradgauge[play]"'),
    ("gradgauge compare relu --dataset digits", 2, 'pip install "gradgauge[digits]"'),
    ("python -m gradgauge.practical --epochs 1 --samples 800", 0, "accuracy_sig"),
)
"""Command, its exit code, and something that it says."""

FILES = ("runs/compare/report.html", "runs/compare/sigmoid.nc", "runs/lesson/key-ko.html")


def main() -> None:
    """Do it all in a temporary folder; say what fails, and end with 1."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        bin_folder = install(folder)
        elsewhere = folder / "another folder"
        elsewhere.mkdir()
        problems = [p for command in COMMANDS if (p := tried(command, bin_folder, elsewhere))]
        problems += [f"{name} is missing" for name in FILES if not (elsewhere / name).is_file()]
    print("\n".join(problems) or "the wheel works", file=sys.stderr)
    sys.exit(bool(problems))


def install(folder: Path) -> Path:
    """The folder of the programs of an environment that has the wheel and what it needs."""
    pip = ("-m", "pip", "--disable-pip-version-check", "--quiet")
    build = [sys.executable, *pip, "wheel", "--no-deps", "--wheel-dir", str(folder), str(ROOT)]
    subprocess.run(build, check=True)
    (wheel,) = folder.glob("gradgauge-*.whl")
    venv.create(folder / "venv", with_pip=True)
    programs = folder / "venv" / ("Scripts" if os.name == "nt" else "bin")
    subprocess.run([programs / "python", *pip, "install", str(wheel)], check=True)
    return programs


def tried(command: tuple[str, int, str], programs: Path, folder: Path) -> str | None:
    """What is wrong with the command's answer; None."""
    line, code, says = command
    name, *arguments = line.split()
    own = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [programs / name, *arguments],
        cwd=folder,
        capture_output=True,
        encoding="utf-8",
        env={**own, "GRADGAUGE_EXAMPLES": "short", "GRADGAUGE_LANG": "en", "PYTHONUTF8": "1"},
    )
    said = done.stdout + done.stderr
    if done.returncode == code and says in said and "Traceback" not in said:
        return None
    return f"{line}: exit code {done.returncode}\n{said}"


if __name__ == "__main__":
    main()
