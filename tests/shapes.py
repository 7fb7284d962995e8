"""Shapes in annotations are checked when tests run; who uses the package needs no checker.

The modules import jaxtyping's names for type checkers alone. Here they are given the names when
they are imported, and every function and dataclass in them is checked when it is called: shapes,
number types and everything else that its annotations say.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from types import ModuleType
from unittest import mock

import jaxtyping

PACKAGES = ("gradgauge.signals", "gradgauge.gauges", "gradgauge.theory")
NAMES = {name: getattr(jaxtyping, name) for name in ("Bool", "Float", "Float64", "Int")}

# The checker draws which item of a list it looks at. It takes the function that draws when it is
# imported: one of its own, for it must not move the random numbers of what is tested.
with mock.patch("random.getrandbits", random.Random(0).getrandbits):
    from beartype import BeartypeConf, beartype

    @beartype
    def _imports_all_of_it(items: list[int]) -> None:
        del items


# As PEP 484 has it: an int is a float.
checked = beartype(conf=BeartypeConf(is_pep484_tower=True))


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
                execute(module)

            loader.exec_module = with_names
        return spec


def install() -> None:
    """Check what is imported from now on."""
    jaxtyping.install_import_hook(PACKAGES, "tests.shapes.checked")
    checking = sys.meta_path.pop(0)
    assert isinstance(checking, MetaPathFinder)
    sys.meta_path.insert(0, _Naming(checking))
