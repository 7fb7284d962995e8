"""What every test process needs before a framework starts: own folders, one core, one backend."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

# Set by the first process and inherited by xdist's workers, so that they share compiled programs.
if "PYTEST_XDIST_WORKER" not in os.environ:
    _OWN = tempfile.mkdtemp(prefix="gradgauge-tests-")
    os.environ["GRADGAUGE_TEST_FOLDER"] = _OWN
FOLDER = Path(os.environ["GRADGAUGE_TEST_FOLDER"])
os.environ["GRADGAUGE_CACHE"] = str(FOLDER / "cache")
os.environ["XDG_STATE_HOME"] = str(FOLDER / "state")
# Keras writes a settings file into its home when it is imported.
os.environ["KERAS_HOME"] = str(FOLDER / "keras")
os.environ.setdefault("KERAS_BACKEND", "jax")
# The workers are the parallelism: threads inside each would take turns with them.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault(
    "XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
)
# As the engine sets up a JAX of its own; here, tests import it first.
os.environ["JAX_CPU_ENABLE_ASYNC_DISPATCH"] = "false"
os.environ["JAX_COMPILATION_CACHE_DIR"] = str(FOLDER / "jax")
os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"

import numpy as np  # noqa: E402
import pytest  # noqa: E402
from hypothesis import HealthCheck, configuration, settings  # noqa: E402

from tests import shapes  # noqa: E402

shapes.install()

from gradgauge.cli import language  # noqa: E402
from gradgauge.datasets import Dataset  # noqa: E402
from tests.browser import chromium as chromium  # noqa: E402

configuration.set_hypothesis_home_dir(FOLDER / "hypothesis")
_COMMON = {"deadline": None, "database": None, "suppress_health_check": [HealthCheck.too_slow]}
# The same examples every time: a gate must not depend on luck. To look for more:
# GRADGAUGE_HYPOTHESIS=explore pytest ...
settings.register_profile("gate", max_examples=30, derandomize=True, **_COMMON)
settings.register_profile("explore", max_examples=1_000, **_COMMON)
settings.load_profile(os.environ.get("GRADGAUGE_HYPOTHESIS", "gate"))


def pytest_unconfigure() -> None:
    if "PYTEST_XDIST_WORKER" not in os.environ:
        shutil.rmtree(FOLDER, ignore_errors=True)


@pytest.fixture(autouse=True)
def _language_of_a_test_ends_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command run in this process chooses a language for the process."""
    monkeypatch.setattr(language, "_current", language.Catalog())


@pytest.fixture(scope="session")
def blobs() -> Dataset:
    """Three classes of Gaussian blobs: 200 samples to train on, 60 to test, 12 inputs."""
    rng = np.random.default_rng(20261124)
    centers = rng.normal(size=(3, 12))

    def draw(samples: int) -> tuple[np.ndarray, np.ndarray]:
        y = np.arange(samples) % 3
        return centers[y] + rng.normal(size=(samples, 12)), y.astype(np.int32)

    (x_train, y_train), (x_test, y_test) = draw(200), draw(60)
    return Dataset("blobs", x_train, y_train, x_test, y_test, "blobs", (12,))


@pytest.fixture(scope="session")
def numbers() -> Dataset:
    """Regression: 64 samples to train on, 20 to test, 5 inputs, 2 target numbers."""
    rng = np.random.default_rng(20261125)

    def draw(samples: int) -> tuple[np.ndarray, np.ndarray]:
        x = rng.normal(size=(samples, 5))
        return x, np.stack([np.sin(x.sum(axis=1)), x[:, 0] * x[:, 1]], axis=1)

    (x_train, y_train), (x_test, y_test) = draw(64), draw(20)
    return Dataset("numbers", x_train, y_train, x_test, y_test, "numbers", (5,))
