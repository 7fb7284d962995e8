"""ES modules as one script: each in a function of its own, in the order of their imports.

No build step and no source map: the page carries the files as they are written. Only what the
page's own files use is understood: `import { a, b } from "./file.js";` and `export` before a
function, a class or a constant.
"""

from __future__ import annotations

import functools
import re
from pathlib import Path

_IMPORT = re.compile(r'^import \{([^}]*)\} from "\./([\w-]+)\.js";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const) (\w+))", re.MULTILINE)
_ENTRY = "main"


@functools.cache
def bundled(folder: Path) -> str:
    """The script of a folder's `main.js` and all that it imports."""
    done: dict[str, str] = {}
    _add(folder, _ENTRY, done, ())
    return '"use strict";\n' + "\n".join(done.values())


def _add(folder: Path, name: str, done: dict[str, str], above: tuple[str, ...]) -> None:
    if name in done:
        return
    if name in above:
        raise ValueError(f"modules import each other: {' -> '.join((*above, name))}")
    source = (folder / f"{name}.js").read_text(encoding="utf-8")
    for match in _IMPORT.finditer(source):
        _add(folder, match[2], done, (*above, name))
    body = _IMPORT.sub(lambda m: f"const {{{m[1]}}} = {_variable(m[2])};\n", source)
    exported = _EXPORT.findall(body)
    body = _EXPORT.sub("", body)
    if re.search(r"^(?:import|export)\b", body, re.MULTILINE):
        raise ValueError(f"{name}.js imports or exports in another way")
    done[name] = (
        f"const {_variable(name)} = (() => {{\n{body}\nreturn {{{', '.join(exported)}}};\n}})();"
    )


def _variable(name: str) -> str:
    return "module_" + name.replace("-", "_")
