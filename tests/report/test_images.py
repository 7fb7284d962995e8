from __future__ import annotations

import struct

import pytest

from gradgauge.errors import OutputProblem
from gradgauge.messages.catalog import entries
from gradgauge.report.charts import CHARTS
from gradgauge.report.images import write_images
from gradgauge.report.page.fonts import FOLDER


def test_every_chart_as_png_and_svg_with_the_font(two, tmp_path):
    paths = write_images(two, tmp_path / "new", "ko")
    assert [p.name for p in paths] == [f"{c.name}.{end}" for c in CHARTS for end in ("png", "svg")]
    assert sorted(p.name for p in (tmp_path / "new").iterdir()) == sorted(p.name for p in paths)
    for path in paths:
        if path.suffix == ".png":
            head = path.read_bytes()[:24]
            assert head[:8] == b"\x89PNG\r\n\x1a\n"
            assert struct.unpack(">I", head[16:20])[0] > 1000
        else:
            text = path.read_text(encoding="utf-8")
            assert text.startswith("<svg") and text.count("<svg") == 1
            assert "@font-face" in text and "font/woff2;base64" in text
    assert "오차 신호" in (tmp_path / "new" / "signal.svg").read_text(encoding="utf-8")


def test_a_file_in_the_way_is_our_error(two, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputProblem):
        write_images(two, tmp_path / "file", "en")


def test_the_font_has_every_letter_that_pictures_show():
    drawn = [
        text
        for key, text in entries("ko").items()
        if key.startswith(("report.panel", "report.axis", "report.moment", "report.baseline"))
        or (key.startswith("report.chart") and key.endswith("title"))
    ]
    letters = {c for text in drawn for c in text if not c.isspace()} | set("0123456789.e−%")
    assert letters <= _characters((FOLDER / "NotoSansKR-subset.ttf").read_bytes())


def _characters(font: bytes) -> set[str]:
    """What a TrueType font's character map (format 4 or 12) holds."""
    tables = struct.unpack(">H", font[4:6])[0]
    records = (struct.unpack(">4sLLL", font[12 + 16 * i : 28 + 16 * i]) for i in range(tables))
    start = next(offset for tag, _, offset, _ in records if tag == b"cmap")
    count = struct.unpack(">H", font[start + 2 : start + 4])[0]
    found: set[str] = set()
    for i in range(count):
        at = start + struct.unpack(">L", font[start + 8 + 8 * i : start + 12 + 8 * i])[0]
        kind = struct.unpack(">H", font[at : at + 2])[0]
        if kind == 12:
            groups = struct.unpack(">L", font[at + 12 : at + 16])[0]
            for g in range(groups):
                first, last, _ = struct.unpack(">LLL", font[at + 16 + 12 * g : at + 28 + 12 * g])
                found |= {chr(c) for c in range(first, last + 1)}
        elif kind == 4:
            half = struct.unpack(">H", font[at + 6 : at + 8])[0]
            ends = struct.unpack(f">{half // 2}H", font[at + 14 : at + 14 + half])
            starts = struct.unpack(f">{half // 2}H", font[at + 16 + half : at + 16 + 2 * half])
            for first, last in zip(starts, ends, strict=True):
                found |= {chr(c) for c in range(first, min(last, 0xFFFE) + 1)}
    return found
