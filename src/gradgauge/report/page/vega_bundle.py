"""Vega, Vega-Lite and Vega-Embed for a page without a network.

`vl_convert.javascript_bundle()` makes them, but takes 2 to 7 seconds to, on two cores: hence
they lie here as a file. `python -m gradgauge.report.page.vega_bundle` makes it anew.
"""

from __future__ import annotations

import gzip
from pathlib import Path

PATH = Path(__file__).parent / "vega" / "vega-bundle.js.gz"


def vega_bundle() -> str:
    """The JavaScript that puts `vegaEmbed` into the page."""
    return gzip.decompress(PATH.read_bytes()).decode("utf-8")


def make() -> None:
    """Write the bundle of the installed vl-convert, whose stub forgets that `snippet` may miss."""
    import vl_convert

    bundle = vl_convert.javascript_bundle().encode("utf-8")  # pyright: ignore[reportCallIssue]
    PATH.write_bytes(gzip.compress(bundle, 9, mtime=0))


if __name__ == "__main__":
    make()
