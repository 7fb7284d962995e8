"""No module leads back to itself by its imports, those for typing and inside functions included."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter

import grimp

FRONT_DOOR = "gradgauge"
"""Its names are loaded on first use: who imports it imports nothing yet."""

VIEWS = {
    ("gradgauge.remedies.result", "gradgauge.remedies.json"),
    ("gradgauge.remedies.result", "gradgauge.remedies.sentences"),
    ("gradgauge.study.compare.result", "gradgauge.study.compare.json"),
    ("gradgauge.study.why.result", "gradgauge.study.why.json"),
}
"""A result's own `to_json` and `sentence` ask the module that reads results, when called."""


def graph() -> dict[str, set[str]]:
    imports = grimp.build_graph(FRONT_DOOR, cache_dir=None)
    return {
        module: {
            imported
            for imported in imports.find_modules_directly_imported_by(module)
            if imported != FRONT_DOOR and (module, imported) not in VIEWS
        }
        for module in imports.modules
    }


def test_no_import_circle():
    try:
        TopologicalSorter(graph()).prepare()
    except CycleError as circle:
        raise AssertionError(" <- ".join(circle.args[1])) from None


def test_views_are_still_views():
    """An exception that is no longer needed goes."""
    imports = grimp.build_graph(FRONT_DOOR, cache_dir=None)
    assert not {
        pair for pair in VIEWS if pair[1] not in imports.find_modules_directly_imported_by(pair[0])
    }
