"""Functions of the user's own, named `module:function` or `file.py:function`."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from gradgauge.errors import FileProblem
from gradgauge.places import is_file


class ModelProblem(FileProblem):
    """A model that cannot be had: its path and why."""

    table = "model"


def call_function(path: str) -> Any:
    """What the function of that name returns; what it raises is its own.

    Raises:
        ModelProblem: no such module or function.
    """
    return find_function(path)()


def find_function(path: str) -> Callable[..., Any]:
    """The function named `module:function` or `file.py:function`, looked for in this folder first.

    Raises:
        ModelProblem: no such module or function.
    """
    module_name, colon, name = path.rpartition(":")
    if not colon:
        raise ModelProblem(path, "no_name")
    try:
        module = _module(module_name)
    except ModuleNotFoundError as error:
        if error.name != module_name.partition(".")[0] and error.name != module_name:
            raise
        raise ModelProblem(path, "no_function", why=str(error)) from None
    except ValueError as error:
        raise ModelProblem(path, "no_function", why=str(error)) from None
    function = getattr(module, name, None)
    if not callable(function):
        known = ", ".join(_functions(module)) or "–"
        raise ModelProblem(module_name, "no_such_function", name=name, known=known)
    return function


def _functions(module: ModuleType) -> list[str]:
    """Names of those that it defines; of those that it imports where it defines none."""
    found = {n: f for n, f in vars(module).items() if isinstance(f, FunctionType)}
    own = [n for n, f in found.items() if f.__module__ == module.__name__]
    return sorted(own or found)


def _module(name: str) -> ModuleType:
    if not name.endswith(".py"):
        _look_in(Path.cwd())
        return importlib.import_module(name)
    file = Path(name).absolute()
    if not is_file(file):
        raise ModelProblem(name, "missing")
    _look_in(file.parent)
    known = sys.modules.get(file.stem)
    if known is not None and getattr(known, "__file__", None) == str(file):
        return known
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None:
        raise ModelProblem(name, "unknown_kind")
    module = importlib.util.module_from_spec(spec)
    # Dataclasses and pickles look a module up by its name while it is being run.
    if known is None:
        sys.modules[file.stem] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        if known is None:
            del sys.modules[file.stem]
        raise
    return module


def _look_in(folder: Path) -> None:
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


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
