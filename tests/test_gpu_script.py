"""`benchmarks/gpu.sh`: its whole path, with small sizes, on whatever device there is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_every_part_runs_and_says_so(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHON": sys.executable, "GRADGAUGE_CACHE": str(tmp_path)}
    done = subprocess.run(
        ["bash", str(ROOT / "benchmarks" / "gpu.sh"), "--small"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    parts = dict(part.split("\n", 1) for part in done.stdout.split("== ")[1:])
    assert list(parts) == ["agreement", "ensemble", "sweep", "watching"]
    assert "weight_grad_norm" in parts["agreement"]
    for layout in ("gradgauge", "PyTorch eager", "PyTorch compiled", "torch.func with vmap"):
        assert f"| {layout} |" in parts["ensemble"]
    assert "networks a minute" in parts["sweep"]
    for training in ("ResNet-50 | eager", "ResNet-50 | compiled", "GPT-2 | eager"):
        assert training in parts["watching"]
    assert "failed" not in done.stdout
