"""Figures for a paper: their size, their text, their figures as CSV."""

from __future__ import annotations

import csv
import re
import struct

import pytest

from gradgauge.cli.app import run
from gradgauge.errors import InvalidValue, UnknownName
from gradgauge.report.charts import CHARTS
from gradgauge.report.charts.draw import linear_scale, log_scale
from gradgauge.report.images import write_picture
from gradgauge.report.pages.write import write_report
from gradgauge.study.by_layer import by_layer

MM_PER_INCH = 25.4
WIDTHS = (89, 183)


def size_of_png(content: bytes) -> tuple[int, float]:
    """Width in dots, and dots an inch, as the file itself says."""
    at = content.index(b"pHYs")
    per_metre, _, unit = struct.unpack(">IIB", content[at + 4 : at + 13])
    assert unit == 1
    return struct.unpack(">I", content[16:20])[0], per_metre * MM_PER_INCH / 1000


@pytest.mark.parametrize("chart", [chart.name for chart in CHARTS])
@pytest.mark.parametrize("width", WIDTHS)
def test_an_svg_is_as_wide_as_it_was_told(two, chart, width, tmp_path):
    path = write_picture(two, tmp_path / "a.svg", chart=chart, width_mm=width)
    svg = path.read_text("utf-8")
    head = svg[: svg.index(">")]
    assert f'width="{width}mm"' in head
    drawn = float(re.search(r'viewBox="0 0 ([\d.]+)', head)[1])
    # Letters keep their size: a pixel of the drawing is one of 96 an inch.
    assert drawn == pytest.approx(width / MM_PER_INCH * 96, rel=0.06)


def test_its_text_is_text(two, tmp_path):
    svg = write_picture(two, tmp_path / "a.svg", width_mm=183).read_text("utf-8")
    assert re.search(r"<text[^>]*>sigmoid</text>", svg)
    assert "font-face" not in svg
    assert "font-face" in write_picture(two, tmp_path / "b.svg", "ko").read_text("utf-8")


def test_a_png_has_its_resolution(two, tmp_path):
    content = write_picture(two, tmp_path / "a.png", width_mm=89, dpi=300).read_bytes()
    dots, dpi = size_of_png(content)
    assert dpi == pytest.approx(300, abs=0.1)
    assert dots == pytest.approx(89 / MM_PER_INCH * 300, abs=2)


def test_a_pdf_has_its_size_and_its_fonts(two, tmp_path):
    content = write_picture(two, tmp_path / "a.pdf", width_mm=89, title=False).read_bytes()
    assert content.startswith(b"%PDF")
    box = re.search(rb"/MediaBox ?\[0 0 ([\d.]+) ", content)
    assert float(box[1]) == pytest.approx(89 / MM_PER_INCH * 72, abs=0.5)
    assert b"/ToUnicode" in content


def test_without_its_title(two, tmp_path):
    title = "Error signal (top)"
    assert title in write_picture(two, tmp_path / "a.svg").read_text("utf-8")
    assert title not in write_picture(two, tmp_path / "b.svg", title=False).read_text("utf-8")


def test_the_csv_holds_what_was_measured(two, tmp_path):
    path = write_picture(two, tmp_path / "a.csv")
    rows = list(csv.DictReader(path.read_text("utf-8").splitlines()))
    for name in two.names:
        for quantity in ("delta_norm", "signal_spread"):
            measured = by_layer(two.run(name), quantity, "first")
            written = {
                int(row["layer"]): float(row["value"])
                for row in rows
                if (row["network"], row["quantity"], row["moment"]) == (name, quantity, "first")
            }
            assert written
            for layer, value in written.items():
                assert value == pytest.approx(measured[layer - 1], rel=1e-12)


def test_a_csv_says_not_finite(comparisons, tmp_path):
    path = write_picture(comparisons("non_finite"), tmp_path / "a.csv")
    assert {"NaN"} <= {row["value"] for row in csv.DictReader(path.read_text("utf-8").splitlines())}


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"width_mm": 10}, InvalidValue),
        ({"width_mm": 5000}, InvalidValue),
        ({"dpi": 1}, InvalidValue),
        ({"chart": "signals"}, UnknownName),
    ],
)
def test_what_cannot_be_is_said(two, given, error, tmp_path):
    with pytest.raises(error):
        write_picture(two, tmp_path / "a.svg", **given)


@pytest.mark.parametrize("span", [(0.01, 1000), (1e-7, 1e-2), (1e-3, 1e15), (2e-5, 9e-5), (3, 40)])
def test_the_labels_of_a_log_axis_have_one_form(span):
    _, axis = log_scale(span)
    powers = "e" in axis["labelExpr"].replace("replace", "").replace("datum.value", "")
    outside = [tick for tick in axis["values"] if not 1e-3 <= tick < 1e4]
    assert powers == bool(outside)


@pytest.mark.parametrize(
    ("largest", "form"), [(0.9, ",.1~f"), (8000, ",.0~f"), (2.5, ",.1~f"), (1e12, "~e")]
)
def test_the_labels_of_a_linear_axis_are_written_out(largest, form):
    assert linear_scale([largest])[1]["format"] == form


def test_zeros_at_the_foot_do_not_overlap():
    from gradgauge.report.charts.draw import lines

    rows = [
        {"network": "a", "layer": at, "plotted": None, "value": 0.0, "shown": "0", "state": "zero"}
        for at in range(1, 129)
    ]
    x = {"field": "layer", "type": "quantitative"}
    spec = lines(rows, x, {"field": "plotted", "type": "quantitative"}, {"network": "a"}, "en")
    foot = [layer for layer in spec["layer"] if layer["mark"]["type"] == "text"]
    (places,) = [
        part["filter"]["oneOf"]
        for part in foot[0]["transform"]
        if isinstance(part["filter"], dict) and "oneOf" in part["filter"]
    ]
    assert len(places) <= 16
    assert {1, 128} <= set(places)


@pytest.fixture
def saved(two, tmp_path):
    return [str(run.save(tmp_path / f"{name}.nc")) for name, run in two.runs.items()]


@pytest.mark.parametrize("name", ["fig.pdf", "fig.svg", "fig.png", "fig.csv", "page.html"])
def test_the_command_writes_each_kind(saved, name, tmp_path, capsys):
    out = tmp_path / "out" / name
    assert run(["report", *saved, "--out", str(out)]) == 0
    assert out.stat().st_size > 500
    assert str(out) in capsys.readouterr().out


def test_several_runs_make_one_page_beside_the_first(saved, tmp_path):
    assert run(["report", *saved, "--quiet"]) == 0
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "relu" in page
    assert "sigmoid" in page


def test_one_network_of_compare_is_named_on_its_picture(saved, tmp_path):
    out = tmp_path / "one.svg"
    assert run(["report", saved[1], "--out", str(out), "--quiet"]) == 0
    assert ">sigmoid</text>" in out.read_text("utf-8")


@pytest.mark.parametrize(
    "options",
    [
        ["--out", "fig.eps"],
        ["--dpi", "300"],
        ["--out", "fig.svg", "--width-mm", "1"],
        ["--out", "fig.svg", "--chart", "nothing"],
    ],
)
def test_a_wrong_use_is_one_sentence(saved, options, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run(["report", *saved, *options]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("lang", ["kr", "KO", "", None])
def test_a_language_that_there_is_not_is_one_sentence(two, lang, tmp_path):
    for write, name in ((write_picture, "a.svg"), (write_report, "a.html")):
        with pytest.raises(UnknownName, match="language"):
            write(two, tmp_path / name, lang)
    assert not list(tmp_path.iterdir())
