"""The process that JAX is started in: its home, its cache's place, its devices."""

from __future__ import annotations

import os
import subprocess
import sys

import jax
import pytest

from gradgauge import seal
from gradgauge.engine import cache
from gradgauge.engine.runtime import NoDevice, on_cpu


def homeless(*_, **__):
    raise RuntimeError("could not determine the home directory")


def test_an_account_without_a_home_keeps_nothing(monkeypatch):
    monkeypatch.delenv(cache.VARIABLE, raising=False)
    for name in ("user_cache_path", "user_state_path"):
        monkeypatch.setattr(f"platformdirs.{name}", homeless)
    assert seal.secret() is None and cache.usable_folder() is None and cache.jax_folder() is None
    assert cache.cache_folder().name == "gradgauge"


@pytest.mark.parametrize("place", ["x" * 300, "/dev/null", "/etc/passwd/x", "nowhere"])
def test_a_cache_that_cannot_be_is_empty(monkeypatch, tmp_path, place):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(cache.VARIABLE, place)
    assert cache.cache_size() == 0
    assert cache.clear_cache() == cache.Cleared(0, [], 0)


def test_a_device_that_is_not_there_is_a_sentence(monkeypatch):
    def none():
        raise RuntimeError("Unable to initialize backend 'tpu'\nmore")

    monkeypatch.setattr(jax, "default_backend", none)
    with pytest.raises(NoDevice) as caught:
        on_cpu()
    assert "more" not in str(caught.value)


def test_the_command_says_it_in_one_line():
    code = "import sys; sys.argv[0] = 'gradgauge'; from gradgauge.cli.app import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "compare", "relu", "--dataset", "blobs"],
        env={**os.environ, "JAX_PLATFORMS": "nonsense"},
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1
