"""The page: one HTML file with all that it needs inside, live or as a replay."""

from __future__ import annotations

import base64
import functools
import hashlib
import io
import json
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

from gradgauge._version import __version__
from gradgauge.datasets import NAMES
from gradgauge.messages.catalog import LANGUAGES, entries
from gradgauge.parts.activations import ACTIVATIONS
from gradgauge.parts.initializers import INITIALIZERS
from gradgauge.parts.losses import LOSSES
from gradgauge.parts.normalizations import NORMALIZATIONS
from gradgauge.parts.optimizers import OPTIMIZERS
from gradgauge.play.access import Access
from gradgauge.play.bundle import bundled
from gradgauge.report.page.fonts import HANGUL, HANGUL_FAMILY, font_face
from gradgauge.report.page.page import script_json

FOLDER = Path(__file__).parent / "page"
_TEXTS = "play.page."


@dataclass(frozen=True)
class Page:
    """The page as text, and the policy that a browser holds it to."""

    text: str
    policy: str


def live_page(lang: str, access: Access, driving: bool) -> Page:
    """The page of a server.

    Args:
        lang: unless its address says another.
        access: whose viewers' address the presenter's page shows.
        driving: whether it is the presenter's.
    """
    share = None
    if access.shared:
        address = access.address(driving=False)
        share = {"address": address, "qr": qr_code(address) if driving else ""}
    return _page({"lang": lang, "share": share, "replay": None})


def replay_page(lang: str, history: str) -> Page:
    """The page with a training inside: it needs no server.

    Args:
        lang: unless its address says another.
        history: a room's history, JSON.
    """
    return _page({"lang": lang, "share": None, "replay": json.loads(history)})


def embedded_page(lang: str) -> Page:
    """The page for a frame: it is told what to show by whoever holds the frame.

    Args:
        lang: of the page.
    """
    return _page({"lang": lang, "share": None, "replay": None, "embedded": True})


def qr_code(address: str) -> str:
    """A QR code as SVG; empty without the library that draws it."""
    try:
        import segno
    except ImportError:
        return ""
    out = io.BytesIO()
    segno.make(address, error="m").save(out, kind="svg", xmldecl=False, svgns=True, scale=4)
    return out.getvalue().decode()


def _page(more: dict[str, Any]) -> Page:
    uplot, script = _text("vendor/uPlot.iife.min.js"), bundled(FOLDER)
    boot = {"messages": _messages(), "choices": _choices(), **more}
    text = Template(_text("index.html")).substitute(
        lang=more["lang"],
        version=__version__,
        font=font_face(HANGUL_FAMILY, HANGUL),  # It speaks both languages.
        style=_text("vendor/uPlot.min.css") + _text("style.css"),
        boot=script_json(boot),
        uplot=uplot,
        script=script,
    )
    allowed = " ".join(_hash(code) for code in (uplot, script))
    policy = (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:; "
        "font-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )
    return Page(text, policy)


def _hash(code: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()}'"


@functools.cache
def _messages() -> dict[str, dict[str, str]]:
    return {
        lang: {
            key.removeprefix(_TEXTS): text
            for key, text in entries(lang).items()
            if key.startswith(_TEXTS)
        }
        for lang in LANGUAGES
    }


def _choices() -> dict[str, list[str]]:
    return {
        "activations": list(ACTIVATIONS),
        "initializers": list(INITIALIZERS),
        "norms": list(NORMALIZATIONS),
        "optimizers": list(OPTIMIZERS),
        "losses": [name for name, loss in LOSSES.items() if loss.classification],
        "data": list(NAMES),
    }


@functools.cache
def _text(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")
