"""Where each key of a TOML file stands. The standard library's parser does not say."""

from __future__ import annotations

import re

_TABLE = re.compile(r"\s*(?P<open>\[\[?)\s*(?P<name>[^\[\]#]+?)\s*\]")
_KEY = re.compile(r"\s*(?P<key>[\w.\-\"' ]+?)\s*=")
_QUIET = re.compile(r'"(?:\\.|[^"\\])*"|\'[^\']*\'|#.*')
_TRIPLE = re.compile(r'"""|\'\'\'')


def lines_of(text: str) -> dict[str, int]:
    """Line numbers, from 1, by dotted place: `network`, `network.depth`, `zip.0.init`.

    Args:
        text: valid TOML. Keys inside of inline tables have no entry; their table has.
    """
    places: dict[str, int] = {}
    counts: dict[str, int] = {}
    table, inside, depth = "", False, 0
    for number, line in enumerate(text.splitlines(), 1):
        if inside:
            inside = len(_TRIPLE.findall(line)) % 2 == 0
            continue
        at_top = depth == 0
        bare = _QUIET.sub("", line)
        depth = max(0, depth + sum(bare.count(c) for c in "[{") - sum(map(bare.count, "]}")))
        inside = len(_TRIPLE.findall(line)) % 2 == 1
        if not at_top:
            continue
        header = _TABLE.match(line)
        key = _KEY.match(line)
        if header and not key:
            table = _plain(header["name"])
            if header["open"] == "[[":
                counts[table] = counts.get(table, -1) + 1
                places.setdefault(table, number)
                table = f"{table}.{counts[table]}"
            places.setdefault(table, number)
        elif key:
            name = _plain(key["key"])
            places.setdefault(f"{table}.{name}" if table else name, number)
            first = name.partition(".")[0]
            places.setdefault(f"{table}.{first}" if table else first, number)
    return places


def _plain(name: str) -> str:
    return ".".join(part.strip().strip("\"'") for part in name.split("."))
