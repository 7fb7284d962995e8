"""Charts of studies: what they show is judged by their data, and that they can be drawn at all."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from gradgauge.errors import InvalidValue, UnknownName
from gradgauge.messages.catalog import LANGUAGES
from gradgauge.report.charts.study import study_chart
from gradgauge.report.study_files import write_study_chart
from gradgauge.study.sweep.grid import Axis, Plan
from gradgauge.study.sweep.outcomes import read_outcome
from gradgauge.study.sweep.results import load_study
from gradgauge.study.sweep.slices import ChartProblem, cut
from gradgauge.study.sweep.store import Store
from gradgauge.study.theory.lines import theory_lines
from gradgauge.theory import critical, predict

DEPTHS = (5, 10, 20, 40)
SCALES = tuple(np.round(np.linspace(0.8, 2.4, 9), 2).tolist())
PLAN = Plan(
    axes=(
        Axis(("activation",), (("tanh",), ("relu",))),
        Axis(("depth",), tuple((d,) for d in DEPTHS)),
        Axis(("scale",), tuple((s,) for s in SCALES)),
        Axis(("seed",), ((0,), (1,), (2,))),
    ),
    constants={"init": "lecun_normal", "bias_std": math.sqrt(0.05), "width": 100},
    outcomes=(read_outcome("test_accuracy"), read_outcome("delta_norm[1]")),
)


def figures(cell):
    v = PLAN.values(cell)
    return (1 / v["depth"] + v["seed"] / 100, 10.0 ** -(v["depth"] / 10 + v["seed"]))


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    store = Store(folder, PLAN, "data", [0] * PLAN.cells)
    for cell in range(PLAN.cells - 3):
        store.done(cell, "a-b", int(PLAN.values(cell)["seed"]), figures(cell), None)
    store.close()
    return load_study(folder)


def one_map(study, **options):
    return cut(study, "depth", "scale", "test_accuracy", where={"activation": "tanh"}, **options)


def test_a_map_has_the_mean_over_seeds_of_every_point(study):
    part = one_map(study)

    assert len(part.rows) == len(DEPTHS) * len(SCALES)
    assert part.seeds == 3
    for row in part.rows:
        assert row["value"] == pytest.approx(1 / row["depth"] + 0.01)
        assert row["low"] < row["value"] < row["high"]


def test_norms_are_averaged_in_decades(study):
    part = cut(study, "depth", "delta_norm[1]", "scale", where={"activation": "tanh"})

    for row in part.rows:
        assert row["value"] == pytest.approx(10.0 ** -(row["depth"] / 10 + 1))


def test_points_that_are_not_done_have_no_value(study):
    part = cut(study, "depth", "scale", "test_accuracy", facet="activation")

    missing = [row for row in part.rows if row["value"] is None]
    assert [(r["activation"], r["depth"], r["scale"]) for r in missing] == [("relu", 40, 2.4)]


def test_six_xi_c_lies_where_theory_says(study):
    (tanh,) = one_map(study).theory.values()
    trainable, rule = tanh

    assert (trainable.name, rule.name) == ("trainable", "critical")
    for depth, scale in trainable.points:
        exact = predict("tanh", scale, math.sqrt(0.05)).trainable_depth
        assert depth == pytest.approx(min(exact, 2 * 50.0))
    exact = critical("tanh", math.sqrt(0.05)).sigma_w2
    assert [y for _, y in rule.points] == pytest.approx([math.sqrt(exact)] * 2)
    assert rule.points[0][1] == pytest.approx(math.sqrt(1.760955), abs=1e-5)


def test_the_scale_counts_in_units_of_the_initializer():
    ranges = {"scale": (0.5, 2.0), "bias_std": (0.0, 0.5)}
    values = {"activation": "tanh", "width": 64}

    (lecun,) = theory_lines({**values, "init": "lecun_normal"}, "scale", "bias_std", ranges)
    (he,) = theory_lines({**values, "init": "he_normal"}, "scale", "bias_std", ranges)

    by_bias = {bias: scale for scale, bias in lecun.points}
    shared = [(by_bias[bias], scale) for scale, bias in he.points if bias in by_bias]
    assert shared
    for one, other in shared:
        assert one == pytest.approx(math.sqrt(2) * other)


@pytest.mark.parametrize(
    "more", [{"norm": "layer"}, {"skip": 2}, {"init": "constant"}, {"activation": None}]
)
def test_no_line_where_theory_is_silent(more):
    values = {"activation": "tanh", "init": "lecun_normal", **more}
    values = {k: v for k, v in values.items() if v is not None}

    assert theory_lines(values, "depth", "scale", {"depth": (1, 50), "scale": (1, 3)}) == []


def test_a_field_that_varies_from_line_to_line_leaves_no_line(study):
    part = cut(study, "scale", "test_accuracy", "activation", where={"depth": "10"})

    assert part.theory == {None: []}


def test_what_is_left_over_is_named(study):
    with pytest.raises(ChartProblem) as caught:
        cut(study, "depth", "scale", "test_accuracy")

    assert caught.value.reason == "unfixed"
    assert caught.value.facts["first"] == "activation"


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("deth", "scale", "test_accuracy"), UnknownName),
        (("depth", "scale", "test_acuracy"), UnknownName),
        (("depth", "scale", "activation"), ChartProblem),
        (("depth", "scale"), ChartProblem),
        (("depth", "depth", "test_accuracy"), ChartProblem),
    ],
)
def test_what_cannot_be_shown(study, arguments, problem):
    with pytest.raises(problem):
        cut(study, *arguments)


def test_a_value_the_field_does_not_take(study):
    with pytest.raises(InvalidValue):
        cut(study, "depth", "scale", "test_accuracy", where={"activation": "gelu"})
    with pytest.raises(UnknownName):
        cut(study, "depth", "scale", "test_accuracy", where={"nothing": "1"})


def test_nothing_done_nothing_drawn(tmp_path):
    Store(tmp_path, PLAN, "data", [0] * PLAN.cells).close()

    with pytest.raises(ChartProblem) as caught:
        cut(load_study(tmp_path), "depth", "scale", "test_accuracy", where={"activation": "tanh"})
    assert caught.value.reason == "nothing_done"


CUTS = {
    "map": ("depth", "scale", "test_accuracy", None, {"activation": "tanh"}),
    "norms": ("scale", "depth", "delta_norm[1]", "activation", {}),
    "lines": ("depth", "test_accuracy", "activation", None, {"scale": "1.6"}),
    "many lines": ("depth", "delta_norm[1]", "scale", "activation", {}),
    "names": ("activation", "scale", "test_accuracy", None, {"depth": "5"}),
    "rule": ("scale", "test_accuracy", None, None, {"depth": "5", "activation": "tanh"}),
}


@pytest.mark.parametrize("name", CUTS)
@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_kind_can_be_drawn(study, name, lang):
    from gradgauge.report.rendering import to_svg

    x, y, color, facet, where = CUTS[name]
    spec = study_chart(cut(study, x, y, color, facet, where), lang)

    json.dumps(spec, allow_nan=False)
    svg = to_svg(spec)
    assert svg.startswith("<svg")
    assert "NaN" not in svg
    assert "undefined" not in svg


def test_files_of_all_three_kinds(study, tmp_path):
    written = write_study_chart(one_map(study), tmp_path / "charts", "name", "ko")

    assert [path.name for path in written] == ["name.png", "name.svg", "name.html"]
    assert written[0].read_bytes().startswith(b"\x89PNG")
    page = written[2].read_text()
    assert 'src="http' not in page
    assert 'href="http' not in page
    assert "이론" in page


def test_one_file_of_one_kind(study, tmp_path):
    assert write_study_chart(one_map(study), tmp_path / "a.svg", "name") == [tmp_path / "a.svg"]
    assert [p.name for p in tmp_path.iterdir()] == ["a.svg"]
    with pytest.raises(UnknownName):
        write_study_chart(one_map(study), tmp_path / "a.gif", "name")
