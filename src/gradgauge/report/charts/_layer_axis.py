"""The axis that all charts by layer share: numbers, names, or the blocks of a deep network."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from gradgauge.messages.catalog import sentence
from gradgauge.report.charts.chart import Spec
from gradgauge.report.charts.draw import PANEL_WIDTH, WIDE
from gradgauge.report.charts.rows import Row, names_of, picked

_MOST_LAYER_TICKS = 12
_LETTER, _NAME_GAP = 6.2, 12
_MOST_LETTERS = 32


def layer_axis(rows: Sequence[Row], lang: str, title: bool, hidden: bool = False) -> Spec:
    """The x encoding by layer.

    Args:
        rows: all of the chart.
        lang: of the title.
        title: whether it stands at the foot of a stack and is labeled.
        hidden: whether the output layer is not among them.
    """
    names = {row["layer"]: row["label"] for row in rows if "label" in row}
    if names and any("tick" in row for row in rows):
        blocks = {row["layer"]: row["tick"] for row in rows if row["tick"]}
        return _block_axis(blocks, max(names), lang, title)
    if names:
        return _named_axis(names, lang, title)
    depths = {max(r["layer"] for r in rows if r["network"] == n) for n in names_of(rows)}
    last = max(depths, default=1)
    strides = (m * 10**e for e in range(9) for m in (1, 2, 5))
    stride = next(s for s in strides if last / s <= _MOST_LAYER_TICKS)
    ticks = [1, *range(stride if stride > 1 else 2, last + 1, stride)]
    axis: Spec = {"values": ticks, "format": "d", "grid": False, "labelOverlap": True}
    key = "report.axis.hidden_layer" if hidden else "report.axis.layer"
    axis["title"] = sentence(key, lang) if title else None
    if not title:
        axis["labels"] = False
    scale = {"domain": [1, max(last, 2)], "nice": False, "zero": False, "padding": 8}
    return {"field": "layer", "type": "quantitative", "axis": axis, "scale": scale}


def _named_axis(names: dict[int, str], lang: str, title: bool) -> Spec:
    """The x encoding by layer with the layers' names, upright where they do not fit side by side."""
    last = max(names)
    flat = last * (_LETTER * max(map(len, names.values())) + _NAME_GAP) < WIDE
    told = sentence("report.axis.named_layer", lang) if title else None
    return _axis_of_names(names, last, told, flat)


def _block_axis(blocks: dict[int, str], last: int, lang: str, title: bool) -> Spec:
    """The x encoding by layer with the blocks' names at their first layers, as many as fit."""
    widest = _LETTER * max(map(len, blocks.values()), default=1) + _NAME_GAP
    most = max(2, int(PANEL_WIDTH / widest))
    flat = most >= min(len(blocks), _MOST_LAYER_TICKS)
    layers = sorted(blocks)
    shown = picked(len(layers), _MOST_LAYER_TICKS)
    names = {layers[at]: blocks[layers[at]] for at in shown}
    told = sentence("report.axis.block", lang) if title else None
    return _axis_of_names(names, last, told, flat)


def _axis_of_names(names: dict[int, str], last: int, title: str | None, flat: bool) -> Spec:
    """An x encoding by layer, with these names at these layers, whole: long ones in lines."""
    lines_of = [_in_lines(names.get(layer, "")) for layer in range(1, last + 1)]
    labels = json.dumps(lines_of, ensure_ascii=False)
    axis: Spec = {
        "values": sorted(names),
        "grid": False,
        "labelOverlap": True,
        "labelLimit": 0,
        "labelExpr": f"{labels}[datum.value - 1]",
        "labels": title is not None,
        "labelAngle": 0 if flat else -90,
        "title": title,
    }
    scale = {"domain": [1, max(last, 2)], "nice": False, "zero": False, "padding": 12}
    return {"field": "layer", "type": "quantitative", "axis": axis, "scale": scale}


def _in_lines(name: str) -> str | list[str]:
    """A name that is longer than a label should be, cut into lines after its dots."""
    found = [""]
    for part in re.split(r"(?<=[./])", name):
        if found[-1] and len(found[-1]) + len(part) > _MOST_LETTERS:
            found.append("")
        found[-1] += part
    return found[0] if len(found) == 1 else found
