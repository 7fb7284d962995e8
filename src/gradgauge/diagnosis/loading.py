"""A model from a file, or from a function of the user's: no code of a model file runs untrusted.

A `.keras` file is a zip with a JSON description; a `.h5` file has the same in an attribute. Both
are read as text first: a Lambda layer carries code, and a class or function from outside of
Keras would be imported. Only then, and only without those or with `trust`, Keras loads it.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gradgauge.errors import FileProblem

SUFFIXES = (".keras", ".h5", ".hdf5")

_CODE = ("Lambda", "__lambda__", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer")
"""Classes that run code, or load it from elsewhere."""

_FUNCTIONS = (
    "keras.activations",
    "keras.losses",
    "keras.metrics",
    "keras.initializers",
    "keras.regularizers",
    "keras.constraints",
    "keras.optimizers",
    "keras.ops",
    "keras.src",
    "builtins",
)
"""Where a function named in a description may come from."""


class ModelProblem(FileProblem):
    """A model that cannot be had: its path and why."""

    table = "model"


def load_model(path: str, trust: bool = False) -> Any:
    """The model in a file, or what the function `module:function` returns.

    Args:
        path: `.keras`, `.h5`, or `module:function`.
        trust: whether code that a file holds may run.

    Raises:
        ModelProblem: it is missing, damaged, of no known kind, or holds code and is not trusted.
    """
    if Path(path).suffix in SUFFIXES:
        return _from_file(Path(path), trust)
    if ":" in path and not Path(path).exists():
        return call_function(path)
    raise ModelProblem(path, "unknown_kind")


def call_function(path: str) -> Any:
    """What the function named `module:function` returns; what it raises is its own.

    Raises:
        ModelProblem: no such module or function.
    """
    module_name, _, name = path.partition(":")
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name != module_name.partition(".")[0] and error.name != module_name:
            raise
        raise ModelProblem(path, "no_function", why=str(error)) from None
    except ValueError as error:
        raise ModelProblem(path, "no_function", why=str(error)) from None
    function = getattr(module, name, None)
    if not callable(function):
        raise ModelProblem(path, "no_function", why=f"{module_name}.{name}")
    return function()


def _from_file(path: Path, trust: bool) -> Any:
    if not path.is_file():
        raise ModelProblem(path, "missing")
    try:
        description = _description(path)
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise ModelProblem(path, "unreadable", why=_first_line(error)) from None
    code = next(_code_in(description), None)
    if code is not None and not trust:
        raise ModelProblem(path, "untrusted", why=code)
    return _load(path, trust)


def _load(path: Path, trust: bool) -> Any:
    choose_backend()
    import keras

    try:
        with warnings.catch_warnings():
            # A model that was saved before any training has no optimiser's state: no matter.
            warnings.simplefilter("ignore")
            return keras.models.load_model(path, safe_mode=not trust)
    except (TypeError, ValueError, OSError, KeyError, AttributeError, ImportError) as error:
        why = _first_line(error)
        reason = "custom_object" if "not locate" in why or "nknown" in why else "unreadable"
        raise ModelProblem(path, reason, why=why) from None


def choose_backend() -> None:
    """JAX, the one backend that is always installed, unless the user has chosen another.

    Keras writes a settings file with `tensorflow` when it is first imported: that is no choice.
    """
    if "keras" in sys.modules or os.environ.get("KERAS_BACKEND"):
        return
    home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
    try:
        chosen = json.loads((home / "keras.json").read_text(encoding="utf-8")).get("backend")
    except (OSError, ValueError, AttributeError):
        chosen = None
    os.environ["KERAS_BACKEND"] = "jax" if chosen in (None, "tensorflow") else str(chosen)


def _description(path: Path) -> Any:
    """The model's own description of itself, as plain data."""
    if path.suffix == ".keras":
        with zipfile.ZipFile(path) as file:
            return json.loads(file.read("config.json"))
    import h5py

    with h5py.File(path, "r") as file:
        texts = [file.attrs.get(name) for name in ("model_config", "training_config")]
    if texts[0] is None:
        raise ValueError("model_config")
    return [json.loads(t) for t in texts if t is not None]


def _code_in(tree: Any) -> Iterator[str]:
    """Everything in a description that would run code, by name."""
    if isinstance(tree, list):
        for item in tree:
            yield from _code_in(item)
    if not isinstance(tree, dict):
        return
    kind, module = tree.get("class_name"), tree.get("module")
    if kind in _CODE:
        yield str(kind)
    if isinstance(module, str) and module and not _is_keras(module):
        yield f"{module}.{kind}"
    if kind == "function" and isinstance(module, str) and not module.startswith(_FUNCTIONS):
        yield f"{module}.{tree.get('config')}"
    for value in tree.values():
        yield from _code_in(value)


def _is_keras(module: str) -> bool:
    return module == "builtins" or module.partition(".")[0] == "keras"


def _first_line(error: BaseException) -> str:
    """One line of an error; without Keras's advice of several."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
