"""A model from a file, or from a function of the user's: no code of a model file runs untrusted.

A `.keras` file is a zip with a JSON description; a `.h5` file has the same in an attribute. Both
are read as data first (`model_file`): every name that Keras would resolve must stand on a list,
nothing may point out of the file, and nothing may be larger than the file can fill. Only then,
or with `trust`, Keras loads it.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from gradgauge.diagnosis.model_file.archive import DAMAGED, KERAS, Contents, Refused, contents
from gradgauge.diagnosis.model_file.names import foreign_names
from gradgauge.own.loading import ModelProblem, call_function, choose_backend
from gradgauge.places import is_file
from gradgauge.spec.notation import looks_like_function

SUFFIXES = (".keras", ".h5", ".hdf5")


def load_model(path: str, trust: bool = False) -> Any:
    """The model in a file, or what a function returns.

    Args:
        path: `.keras`, `.h5`, `module:function` or `file.py:function`.
        trust: whether code that a file holds may run.

    Raises:
        ModelProblem: it is missing, damaged, of no known kind, or holds code and is not trusted.
    """
    if Path(path).suffix in SUFFIXES:
        return _from_file(Path(path), trust)
    if looks_like_function(path):
        return call_function(path)
    raise ModelProblem(path, "unknown_kind")


def _from_file(path: Path, trust: bool) -> Any:
    if not is_file(path):
        raise ModelProblem(path, "missing")
    try:
        found = contents(path)
    except Refused as error:
        raise ModelProblem(path, error.reason, why=error.why) from None
    except DAMAGED as error:
        raise ModelProblem(path, "unreadable", why=_first_line(error)) from None
    if not trust:
        code = next(foreign_names(found.description), None)
        if code is not None:
            raise ModelProblem(path, "untrusted", why=code)
    choose_backend()
    # Keras answers a damaged description with whatever its parts happen to raise.
    try:
        if not trust:
            _check_size(path, found)
        return _load(path, trust)
    except ModelProblem:
        raise
    except Exception as error:  # noqa: BLE001
        why = _first_line(error)
        reason = "custom_object" if "not locate" in why or "nknown" in why else "unreadable"
        raise ModelProblem(path, reason, why=why) from None


def _check_size(path: Path, found: Contents) -> None:
    """Raise where a model would take memory that its file has nothing to fill with."""
    from gradgauge.diagnosis.model_file.size import SPARE, numbers_of

    numbers = numbers_of(found.description[0], legacy=path.suffix != KERAS)
    if numbers is not None and numbers > found.numbers + SPARE:
        raise ModelProblem(path, "larger_than_file", why=f"{numbers:,} > {found.numbers:,}")


def _load(path: Path, trust: bool) -> Any:
    import keras

    with warnings.catch_warnings():
        # A model that was saved before any training has no optimizer's state: no matter.
        warnings.simplefilter("ignore")
        if path.suffix == KERAS:
            return keras.models.load_model(path, safe_mode=not trust)
        from gradgauge.diagnosis.model_file.legacy import compile_as_saved, restore_optimizer

        model = keras.models.load_model(path, compile=False, safe_mode=not trust)
        compile_as_saved(model, path)
        restore_optimizer(model, path)
    return model


def _first_line(error: BaseException) -> str:
    """One line of an error; without Keras's advice of several."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
