"""The picture and the page of a watched Run: its own figures, whole, offline, in both languages."""

from __future__ import annotations

import io
import json
import re
import warnings

import h5netcdf
import numpy as np
import pytest
from rich.console import Console

import gradgauge as gg
from gradgauge.cli.app import run as command_line
from gradgauge.errors import UnknownName
from gradgauge.gauges import PROBE_QUANTITIES
from gradgauge.layers import LayerInfo
from gradgauge.messages.catalog import sentence
from gradgauge.report import notebook
from gradgauge.report.charts.rows import of
from gradgauge.report.charts.watched import COURSE, SIGNAL, WATCHED_CHARTS
from gradgauge.report.charts.watched_run import WatchedRun
from gradgauge.report.closing import ReportWriter
from gradgauge.report.images import NothingToDraw, picture
from gradgauge.report.pages.watched import watched_page
from gradgauge.report.rendering import to_svg
from gradgauge.report.terminal import live
from gradgauge.report.terminal.live import LiveTable
from gradgauge.report.words.layer_groups import shortened
from gradgauge.run import Run
from gradgauge.watchers.recorder import Recorder
from tests.report.conftest import LANGUAGES
from tests.report.pages.test_html import Page

CASES = (
    "plain",
    "unseen",
    "one_layer",
    "no_probes",
    "one_probe",
    "diverged",
    "deep",
    "nothing",
    "odd_names",
)
PROBE_STEPS = (0, 4, 9)


def recorded(case: str, *listeners: object) -> Run:
    """What a watcher leaves behind, with made-up figures."""
    recorder = Recorder({"name": "net", "framework": "pytorch", "batch": "training"}, listeners)
    names = {
        "one_layer": ["fc"],
        "deep": [f"model.decoder.blocks.{i}.attention.output_projection" for i in range(60)],
        "odd_names": ["<script>alert(1)</script>", 'a"]; alert(1); ["', "층 3", "$name {x}"],
    }.get(case, ["body.embed", "body.lstm", "body.fc", "body.head"])
    if case != "nothing":
        recorder.start(layers(names))
        fill(recorder, case, len(names))
    recorder.close()
    return recorder.run()


def layers(names: list[str]) -> list[LayerInfo]:
    infos = [LayerInfo(n, "dense", "tanh", 8, 8, 64) for n in names]
    infos[-1].output, infos[-1].activation = True, "linear"
    infos[0].trainable = len(infos) == 1
    return infos


def fill(recorder: Recorder, case: str, count: int) -> None:
    rng = np.random.default_rng(3)
    probes = {"no_probes": (), "one_probe": PROBE_STEPS[:1]}.get(case, PROBE_STEPS)
    for step in range(PROBE_STEPS[-1] + 1):
        recorder.steps_done = step + 1
        if step in probes:
            values = {q: rng.uniform(0.1, 0.9, count) for q in PROBE_QUANTITIES}
            values["delta_norm"] = 10.0 ** -rng.uniform(0, 9, count)
            if case == "unseen":
                values["delta_norm"][1] = values["backward_gain"][1] = np.nan
            if case == "diverged" and step == probes[-1]:
                values = {q: np.full(count, np.nan) for q in values}
                values["weight_norm"] = np.full(count, np.inf)
            recorder.probe(step, values, 2.0)
        recorder.step(step, {"weight_grad_norm": rng.uniform(0.1, 1, count)}, 2.0 - 0.1 * step)
    if case == "unseen":
        recorder.note("delta", "fused", "body.lstm")
    for epoch in (1, 2):
        recorder.epoch(epoch, {"loss": 1.0 / epoch, "val_loss": 2.0 / epoch, "accuracy": 0.5})


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(params=LANGUAGES)
def lang(request: pytest.FixtureRequest) -> str:
    return request.param


def test_the_pictures_figures_are_the_runs():
    run = recorded("plain")
    rows = SIGNAL.data(WatchedRun(run))
    for line, place in (("Before training", 0), ("After step 9", -1)):
        for quantity in ("delta_norm", "signal_spread"):
            shown = [row["value"] for row in of(rows, network=line, quantity=quantity)]
            expected = run.probes[quantity].isel(member=0, probe_step=place)
            np.testing.assert_allclose(shown, expected, rtol=1e-12)
    losses = [row["value"] for row in of(COURSE.data(WatchedRun(run)), quantity="step_loss")]
    np.testing.assert_allclose(losses, run.steps["loss"].isel(member=0), rtol=1e-12)


def test_what_could_not_be_seen_is_no_figure_and_breaks_the_line():
    rows = of(SIGNAL.data(WatchedRun(recorded("unseen"))), quantity="delta_norm", layer=2)
    assert [(row["state"], row["shown"], row["plotted"]) for row in rows] == [
        ("absent", "–", None)
    ] * 2


def test_a_diverged_figure_is_not_one_that_could_not_be_seen():
    last = of(SIGNAL.data(WatchedRun(recorded("diverged"))), network="After step 4")
    assert last
    rows = of(SIGNAL.data(WatchedRun(recorded("diverged"))), quantity="delta_norm")
    assert {row["state"] for row in rows} == {"number"}
    assert "stopped being finite" in watched_page(recorded("diverged"))


def test_every_case_is_a_sound_offline_page(case, lang):
    run = recorded(case)
    page = Page(watched_page(run, lang))
    assert page.open == []
    assert page.all("html")[0]["lang"] == lang
    ids = [attributes["id"] for _, attributes in page.elements if attributes.get("id")]
    assert len(ids) == len(set(ids))
    for link in page.all("a"):
        assert str(link["href"])[1:] in ids
    for tag, attributes in page.elements:
        for name in ("src", "href", "action", "data", "srcset"):
            value = attributes.get(name)
            assert value is None or value.startswith(("#", "data:")), (tag, value)
    text = " ".join(page.text)
    for name in json.loads(run.attributes["layer_name"]):
        assert name in text
    for attributes, script in page.scripts:
        if attributes.get("type"):
            assert json.loads(script)
            assert "</" not in script
    assert all(len(a["aria-label"] or "") > 20 for a in page.all("div") if a.get("role") == "img")


def test_the_page_says_what_was_not_seen_and_why(lang):
    run = recorded("unseen")
    assert "body.lstm" in watched_page(run, lang)
    assert sentence("watch.reason.fused", lang) in watched_page(run, lang)
    assert sentence("watch.report.is_frozen", lang) in watched_page(run, lang)


def test_every_chart_compiles(case, lang):
    watched = WatchedRun(recorded(case), lang)
    for chart in WATCHED_CHARTS:
        spec = picture(chart, watched, lang)
        if spec is None:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            svg = to_svg(spec)
        assert svg.startswith("<svg")
        assert "NaN," not in svg


def test_names_on_the_axis_do_not_overlap():
    """Upright labels stand at least a letter's height apart, and tell layers from each other."""
    watched = WatchedRun(recorded("deep"))
    assert len(set(watched.labels)) == 60
    assert max(map(len, watched.labels)) <= 31
    svg = to_svg(picture(SIGNAL, watched, "en") or {})
    places = sorted(x for x in _upright_labels(svg))
    assert len(places) >= 20
    assert min(np.diff(places)) >= 10


def _upright_labels(svg: str) -> list[float]:
    texts = re.findall(r"translate\(([\d.]+),[\d.-]+\) rotate\(270\)[^>]*>([^<]+)<", svg)
    return [float(x) for x, text in texts if "projection" in text]


def test_long_names_lose_their_beginning():
    assert shortened("short.name") == "short.name"
    assert shortened("model.encoder.layers.11.attention.dense") == "…layers.11.attention.dense"
    assert len(shortened("x" * 90)) == 28


@pytest.mark.parametrize("ending", [".png", ".svg", ".html"])
def test_picture_by_ending(tmp_path, ending, lang):
    path = gg.write_picture(recorded("plain"), tmp_path / f"signal{ending}", lang)
    start = {".png": b"\x89PNG", ".svg": b"<svg", ".html": b"<!doctype html>"}[ending]
    assert path.read_bytes().startswith(start)


def test_picture_of_a_comparison(two, tmp_path):
    assert gg.write_picture(two, tmp_path / "signal.svg").stat().st_size > 1000


def test_no_picture_of_nothing(tmp_path):
    with pytest.raises(NothingToDraw):
        gg.write_picture(recorded("no_probes"), tmp_path / "signal.png")
    with pytest.raises(UnknownName):
        gg.write_picture(recorded("plain"), tmp_path / "signal.eps")
    assert list(tmp_path.iterdir()) == []


def test_a_run_of_a_comparison_has_a_page_too(two):
    page = watched_page(two.run("relu"))
    assert two.run("relu").notation in page
    assert "After step 8" in page


def test_listeners_write_at_the_end(tmp_path):
    writers = [ReportWriter(tmp_path / "deep" / "w.html", "ko"), ReportWriter(tmp_path / "s.png")]
    recorded("plain", *writers)
    assert 'lang="ko"' in (tmp_path / "deep" / "w.html").read_text("utf-8")
    assert (tmp_path / "s.png").stat().st_size > 1000
    with pytest.raises(UnknownName):
        ReportWriter("watch.docx")


def test_a_file_that_cannot_be_written_ends_no_training(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.warns(UserWarning, match="cannot be written"):
        recorded("plain", ReportWriter(tmp_path / "file" / "watch.html"))
    stream = io.StringIO()
    table = LiveTable("en", Console(file=stream, width=100), tmp_path / "file" / "watch.html")
    recorded("plain", table)
    assert "cannot be written" in stream.getvalue()


def test_the_live_table_ends_with_the_report_or_how_to_get_one(tmp_path, lang):
    stream = io.StringIO()
    recorded("plain", LiveTable(lang, Console(file=stream, width=100)))
    assert "gradgauge.write_report(watcher.run" in stream.getvalue()
    path = tmp_path / "watch.html"
    recorded("plain", LiveTable(lang, Console(file=stream, width=100), path))
    assert sentence("watch.report.written", lang, path=path) in stream.getvalue()
    assert f'<html lang="{lang}"' in path.read_text("utf-8")


def test_the_live_table_in_a_notebook_needs_nothing_and_ends_with_the_picture(monkeypatch):
    """One output that is replaced, without ipywidgets, then the picture."""
    shown: list[list[str]] = []

    class Handle:
        def __init__(self, html):
            shown.append([html.data])

        def update(self, html):
            shown[-1].append(html.data)

    monkeypatch.setattr("IPython.display.display", lambda html, **_: Handle(html))
    monkeypatch.setattr(live, "SECONDS_BETWEEN", 0.0)
    console = Console(file=io.StringIO(), width=100)
    console.is_jupyter = True
    recorded("plain", LiveTable("ko", console))
    tables, picture_ = shown
    assert len(tables) > 5
    assert "스텝 9" in tables[-1]
    assert "body.lstm" in tables[-1]
    assert len(picture_) == 1
    assert picture_[0].startswith('<div lang="ko" style="font-family:')
    assert "<svg" in picture_[0]
    assert notebook.signal_html(recorded("no_probes"), "en") == ""


def test_command(tmp_path, capsys):
    saved = recorded("plain").save(tmp_path / "watch.nc")
    assert command_line(["report", str(saved)]) == 0
    assert str(tmp_path / "watch.html") in capsys.readouterr().out
    out = tmp_path / "signal.png"
    assert command_line(["report", str(saved), "--out", str(out), "--lang", "ko", "--quiet"]) == 0
    assert out.exists()
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ["nowhere.nc"],
        ["FILE", "--out", "x.eps"],
        ["FILE", "--out", "FILE/x.html"],
        [],
        [__file__],
        ["EMPTY", "--out", "x.png"],
        ["OTHER"],
    ],
)
def test_wrong_use_of_the_command(tmp_path, capsys, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    recorded("plain").save("FILE")
    recorded("no_probes").save("EMPTY")
    with h5netcdf.File("OTHER", "w") as file:
        file.attrs["format_version"] = 1
    assert command_line(["report", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ")
    assert captured.err.count("\n") == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["EMPTY", "FILE", "OTHER"]
