"""Shapes in annotations are checked when tests run; who uses the package needs no checker.

The modules import jaxtyping's names for type checkers alone. Here they are given the names when
they are imported, and every function and dataclass in them is checked when it is called: shapes,
number types and everything else that its annotations say.
"""

from __future__ import annotations

import contextlib
import functools
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from types import ModuleType
from typing import Any

import jaxtyping
import numpy as np
from beartype import BeartypeConf, beartype

PACKAGES = ("gradgauge.signals", "gradgauge.gauges", "gradgauge.theory")
NAMES = {name: getattr(jaxtyping, name) for name in ("Bool", "Float", "Float64", "Int")}

# As PEP 484 has it: an int is a float.
_checked = beartype(conf=BeartypeConf(is_pep484_tower=True))


@contextlib.contextmanager
def _drawing_nothing() -> Iterator[None]:
    """The checker draws which items of a list it looks at, and must not move the random numbers of
    what is tested."""
    before = random.getstate(), np.random.get_state()  # noqa: NPY002
    try:
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])  # noqa: NPY002


def checked(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function whose arguments are checked."""
    check = _checked(function)

    @functools.wraps(check)
    def quietly(*args: Any, **kwargs: Any) -> Any:
        with _drawing_nothing():
            return check(*args, **kwargs)

    return quietly


class _Naming(MetaPathFinder):
    """jaxtyping's finder; its modules have NAMES from the start, as decorators ask for them."""

    def __init__(self, checking: MetaPathFinder):
        self.checking = checking

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = self.checking.find_spec(fullname, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            loader = spec.loader
            execute = loader.exec_module

            def with_names(module: ModuleType) -> None:
                vars(module).update(NAMES)
                with _drawing_nothing():
                    execute(module)

            loader.exec_module = with_names
        return spec


def install() -> None:
    """Check what is imported from now on."""
    jaxtyping.install_import_hook(PACKAGES, "tests.shapes.checked")
    checking = sys.meta_path.pop(0)
    assert isinstance(checking, MetaPathFinder)
    sys.meta_path.insert(0, _Naming(checking))
