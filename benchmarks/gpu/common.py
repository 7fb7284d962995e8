"""What the parts share: their option, the card's name, whether PyTorch can take part."""

from __future__ import annotations

import argparse
import importlib.util
import subprocess


def is_small(description: str | None) -> bool:
    """Whether `--small` was asked for."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--small", action="store_true", help="small sizes, on any device")
    return parser.parse_args().small


def card() -> str:
    """The GPU's name, or the device that JAX computes on."""
    try:
        command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        return done.stdout.splitlines()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        import jax

        return jax.devices()[0].device_kind


def torch_device() -> str | None:
    """Where PyTorch computes; None, and a line that says so, if it is not there."""
    if importlib.util.find_spec("torch") is None:
        print("skipped: PyTorch is not installed")
        return None
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"
