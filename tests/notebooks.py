"""The notebooks' stored outputs: `python -m tests.notebooks` runs `examples/*.ipynb` and stores them.

What is stored is what GitHub shows, too: text, small tables, and the picture of the comparison as
PNG instead of the cell's own SVG. Nothing is stored of the machine: no path, no time, no warning.
"""

from __future__ import annotations

import base64
import copy
import os
import re
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

EXAMPLES = Path(__file__).parents[1] / "examples"
WIDTH_MM = 170
DPI = 110
LONGEST_TABLE = 20_000
"""Letters: a longer HTML output (an xarray Dataset, a page of charts) is left to the text."""

PICTURE = "comparison.png"

_COLOR = re.compile(r"\x1b\[[0-9;]*m")


def stored(path: Path, seconds: int = 900) -> nbformat.NotebookNode:
    """The notebook with the outputs of one run.

    Args:
        path: the notebook; its language is the end of its name.
        seconds: the longest that a cell may take.
    """
    lang = path.stem.rpartition("_")[2]
    notebook = nbformat.read(path, as_version=4)
    run = copy.deepcopy(notebook)
    run.cells.append(
        nbformat.v4.new_code_cell(
            f'gg.write_picture(result, "{PICTURE}", "{lang}", width_mm={WIDTH_MM}, dpi={DPI})'
        )
    )
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(
            run,
            timeout=seconds,
            resources={"metadata": {"path": folder}},
            kernel_name="python3",
            record_timing=False,
        )
        client.execute(env={**os.environ, "GRADGAUGE_LANG": lang})
        picture = base64.b64encode((Path(folder) / PICTURE).read_bytes()).decode()
    for cell, done in zip(notebook.cells, run.cells, strict=False):
        if cell.cell_type == "code":
            cell.execution_count = done.execution_count
            cell.outputs = [o for o in map(_kept, done.outputs) if o]
            if cell.source.endswith("\nresult"):
                cell.outputs[-1].data["image/png"] = picture
    return notebook


def _kept(output: nbformat.NotebookNode) -> nbformat.NotebookNode | None:
    """What is stored of an output; None: nothing."""
    kept = copy.deepcopy(output)
    if kept.output_type == "stream":
        return kept if kept.name == "stdout" else None
    html = kept.data.get("text/html", "")
    kept.data["text/plain"] = _COLOR.sub("", kept.data["text/plain"])
    if "<svg" in html or len(html) > LONGEST_TABLE:
        del kept.data["text/html"]
    return kept


if __name__ == "__main__":
    for name in sys.argv[1:] or sorted(map(str, EXAMPLES.glob("*.ipynb"))):
        nbformat.write(stored(Path(name)), name)
