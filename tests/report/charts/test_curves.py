"""Deep networks' pictures: a curve for each role, named blocks, names that are whole."""

from __future__ import annotations

import numpy as np
import pytest

from gradgauge.gauges import PROBE_QUANTITIES
from gradgauge.layers import LayerInfo
from gradgauge.messages.catalog import sentence
from gradgauge.report.charts._curves import places
from gradgauge.report.charts.rows import names_of, of
from gradgauge.report.charts.watched import SIGNAL
from gradgauge.report.charts.watched_run import WatchedRun
from gradgauge.report.images import picture
from gradgauge.report.page.chart_html import chart_figure
from gradgauge.report.pages.watched import watched_page
from gradgauge.report.rendering import to_svg
from gradgauge.watchers.recorder import Recorder
from gradgauge.watchers.roles import assign_roles

IN_BLOCK = (
    ("input_layernorm", "normalization"),
    ("self_attn.q_proj", "dense"),
    ("self_attn.o_proj", "dense"),
    ("post_attention_layernorm", "normalization"),
    ("mlp.up_proj", "dense"),
    ("mlp.down_proj", "dense"),
)


def transformer(blocks: int) -> list[LayerInfo]:
    inner = [
        LayerInfo(f"model.layers.{block}.{name}", kind, units=8)
        for block in range(blocks)
        for name, kind in IN_BLOCK
    ]
    first, last = LayerInfo("model.embed", "embedding"), LayerInfo("head", "dense", output=True)
    return [first, *inner, last]


def residual_network() -> list[LayerInfo]:
    names = [
        f"layer{stage}.{block}.{part}"
        for stage in range(1, 5)
        for block in range(3)
        for part in ("conv1", "conv2", "conv3")
    ]
    return [LayerInfo(name, "convolution") for name in ["conv1", *names]]


def recorded(layers: list[LayerInfo]):
    recorder = Recorder({"name": "net", "batch": "training"})
    recorder.start(layers)
    rng = np.random.default_rng(0)
    for step in (0, 5):
        recorder.probe(step, {q: rng.uniform(0.1, 0.9, len(layers)) for q in PROBE_QUANTITIES})
    recorder.steps_done = 6
    return recorder.run()


def test_a_curve_a_role_with_the_runs_figures():
    run = recorded(transformer(6))
    rows = SIGNAL.data(WatchedRun(run))
    norms = ["input_layernorm", "post_attention_layernorm"]
    assert set(names_of(rows)) == {"q", "o", "up", "down", *norms, "other layers"}
    for moment, place in (("first", 0), ("last", 1)):
        shown = of(rows, network="q", quantity="delta_norm", moment=moment)
        assert [row["layer"] for row in shown] == [3, 9, 15, 21, 27, 33]
        expected = run.values("probes", "delta_norm")[0, place, [2, 8, 14, 20, 26, 32]]
        np.testing.assert_allclose([row["value"] for row in shown], expected)
    assert {(row["moment"], row["when"]) for row in rows} == {
        ("first", "Before training"),
        ("last", "After step 5"),
    }
    drawn = of(rows, quantity="delta_norm", moment="first")
    assert len({row["layer"] for row in drawn}) == len(drawn) == 38


def test_few_layers_share_a_line():
    assign_roles(layers := transformer(4))
    assert places(layers) is None
    assert places([LayerInfo(f"net.{i}", "dense") for i in range(60)]) is None


def test_places_in_the_block_where_roles_are_all_one():
    assign_roles(layers := residual_network())
    found = places(layers)
    assert found is not None
    assert {place.curve for place in found} == {"", "conv1", "conv2", "conv3"}
    assert [place.tick for place in found if place.tick] == ["layer1", "layer2", "layer3", "layer4"]


def test_a_line_ends_where_the_decoder_begins():
    layers = [
        LayerInfo(f"{side}.layers.{block}.{name}", "dense", role=name)
        for side in ("encoder", "decoder")
        for block in range(9)
        for name in ("q", "o")
    ]
    assign_roles(layers)
    found = places(layers)
    assert found is not None
    assert [place.stack for place in found if place.curve == "q"] == (
        ["encoder.layers."] * 9 + ["decoder.layers."] * 9
    )


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_the_picture_and_the_page_name_all_curves_and_layers(lang):
    run = recorded(transformer(6))
    svg = to_svg(picture(SIGNAL, WatchedRun(run, lang), lang) or {})
    html = watched_page(run, lang)
    for name in ("post_attention_layernorm", "down", "up"):
        assert name in svg
        assert name in html
    assert "…" not in svg
    assert all(layer.name in html for layer in run.layers)
    # Every layer is drawn, so nothing says that layers were left out.
    assert sentence("report.picked", lang) not in chart_figure(SIGNAL, WatchedRun(run, lang), lang)


def test_long_names_stand_on_the_axis_in_lines():
    names = [f"base.model.encoder.layer.{'deep.' * n}projection.default" for n in range(1, 9)]
    layers = [LayerInfo(name, "dense") for name in names]
    svg = to_svg(picture(SIGNAL, WatchedRun(recorded(layers)), "en") or {})
    assert "…" not in svg
    assert "projection.default" in svg


def test_biases_have_figures_and_no_place_in_a_picture_of_signals():
    layers = transformer(8)
    with_biases = [
        one
        for layer in layers
        for one in (layer, LayerInfo(f"{layer.name}.bias", "bias", units=layer.units))
    ]
    plain, other = WatchedRun(recorded(layers)), WatchedRun(recorded(with_biases))
    shown = {row["label"] for row in SIGNAL.data(other)}
    assert shown == {row["label"] for row in SIGNAL.data(plain)}
    assert names_of(SIGNAL.data(other)) == names_of(SIGNAL.data(plain))
