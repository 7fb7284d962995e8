"""Plans: what they mean, and what is said about those that mean nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gradgauge.errors import GradgaugeError, InvalidValue, UnknownName
from gradgauge.messages.catalog import LANGUAGES
from gradgauge.study.sweep.grid import Plan, groups
from gradgauge.study.sweep.plan_file import PlanProblem, read_plan
from gradgauge.study.sweep.toml_lines import lines_of

GOOD = """\
dataset = "mnist"
outcomes = ["test_accuracy", "delta_norm[1]"]

[network]
activation = ["relu", "tanh"]
depth = { from = 2, to = 4, count = 3 }
width = 8

[training]
learning_rate = { from = 1e-4, to = 1e-2, count = 3, spacing = "log" }
seeds = 2

[[zip]]
init = ["lecun_normal", "he_normal"]
scale = [1, 1.5]
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "plan.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_plan_is_a_grid_of_its_axes_with_the_seeds_fastest(tmp_path):
    plan = read_plan(write(tmp_path, GOOD))

    assert [axis.name for axis in plan.axes] == [
        "activation",
        "depth",
        "learning_rate",
        "init_scale",
        "seed",
    ]
    assert plan.cells == 2 * 3 * 3 * 2 * 2
    assert plan.values(0) == {
        "activation": "relu",
        "depth": 2,
        "width": 8,
        "learning_rate": 1e-4,
        "init": "lecun_normal",
        "scale": 1.0,
        "seed": 0,
    }
    assert plan.values(1)["seed"] == 1
    assert plan.values(2) == {**plan.values(0), "init": "he_normal", "scale": 1.5}
    last = plan.cell(plan.cells - 1, 784, 10)
    assert (last.network.depth, last.network.activations[0], last.seed) == (4, "tanh", 1)
    assert last.training.learning_rate == pytest.approx(1e-2)


def test_every_cell_is_a_different_point(tmp_path):
    plan = read_plan(write(tmp_path, GOOD))

    points = {tuple(sorted(plan.values(i).items())) for i in range(plan.cells)}

    assert len(points) == plan.cells


def test_notations_are_an_axis_like_any_other(tmp_path):
    text = '[network]\nnotation = ["784-9-10 relu", "784-8-8-10 tanh"]\nscale = [1.0, 2.0]\n'
    plan = read_plan(write(tmp_path, text))

    networks = [plan.cell(i, 784, 10).network for i in range(plan.cells)]

    assert [(n.depth, n.scale) for n in networks] == [(1, 1.0), (1, 2.0), (2, 1.0), (2, 2.0)]


def test_fields_that_are_arguments_of_a_program_share_its_compilation(tmp_path):
    plan = read_plan(write(tmp_path, GOOD))

    of_cell, found = groups(plan, 784, 10, 60_000)

    assert len(found) == 2 * 3
    assert sum(group.cells for group in found) == plan.cells
    for index, group in enumerate(of_cell):
        cell, example = plan.cell(index, 784, 10), found[group].example
        assert cell.network.depth == example.network.depth
        assert cell.network.activations == example.network.activations


def test_groups_of_one_family_stand_side_by_side(tmp_path):
    text = '[network]\ndepth = [2, 3]\nactivation = ["relu", "tanh"]\n'

    _, found = groups(read_plan(write(tmp_path, text)), 784, 10, 60_000)

    families = [group.family for group in found]
    assert families == sorted(families, key=families.index)


def test_comments_and_order_of_keys_do_not_change_a_plan(tmp_path):
    plan = read_plan(write(tmp_path, GOOD))
    other = GOOD.replace("width = 8\n", "# a word\nwidth   =   8 # more\n")

    assert read_plan(write(tmp_path, other)).fingerprint == plan.fingerprint


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ("width = 8", "width = 9", {"width": (8, 9)}),
        ("width = 8", "width = 8\nskip = 1", {"skip": (None, 1)}),
        ("seeds = 2", "seeds = 3", {"seed": ([0, 1], [0, 1, 2])}),
        ("[1, 1.5]", "[1, 1.25]", {"scale": ([1.0, 1.5], [1.0, 1.25])}),
    ],
)
def test_a_change_is_named_with_both_values(tmp_path, old, new, changed):
    plan = read_plan(write(tmp_path, GOOD))
    other = read_plan(write(tmp_path, GOOD.replace(old, new)))

    assert plan.fingerprint != other.fingerprint
    assert plan.changes(other) == changed


def test_another_order_of_axes_is_a_change(tmp_path):
    text = "[network]\nactivation = 'relu'\ndepth = [2, 3]\nwidth = [4, 5]\n"
    swapped = "[network]\nactivation = 'relu'\nwidth = [4, 5]\ndepth = [2, 3]\n"
    plan, other = (read_plan(write(tmp_path, t)) for t in (text, swapped))

    assert set(plan.changes(other)) == {"axes"}


def test_a_plan_survives_being_written_down(tmp_path):
    plan = read_plan(write(tmp_path, GOOD))

    assert Plan.from_canonical(plan.canonical()) == plan


@pytest.mark.parametrize(
    ("old", "new", "line", "reason"),
    [
        ("width = 8", "widht = 8", 7, "unknown_nearest"),
        ("width = 8", "zzz = 8", 7, "unknown"),
        ("width = 8", "epochs = 8", 7, "belongs"),
        ("width = 8", "width = []", 7, "empty_axis"),
        ("width = 8", "width = [8, 8]", 7, "repeated"),
        ("count = 3 }", "count = 0 }", 6, "bad_range"),
        ("count = 3 }", "cuont = 3 }", 6, "unknown_nearest"),
        ("from = 1e-4", "from = 0.0", 10, "bad_range"),
        ("[1, 1.5]", "[1, 1.5, 2]", 13, "zip_lengths"),
        ("[1, 1.5]", "1", 15, "zip_not_a_list"),
        ("scale = [1, 1.5]", "depth = [1, 2]", 15, "zip_twice"),
        ("scale = [1, 1.5]", "seeds = [1, 2]", 15, "belongs"),
        ("width = 8", 'notation = "1-2-3 relu"', 5, "beside_notation"),
        ('activation = ["relu", "tanh"]', "skip = 0", 4, "no_network"),
        ("[[zip]]", "[zip]", 13, "zip_not_tables"),
        ("outcomes = [", "outcomes = [1, ", 2, "bad_outcomes"),
        ("width = 8", 'width = "8"', 7, "value"),
        ("width = 8", "width = true", 7, "value"),
        ("width = 8", "width = [[8]]", 7, "value"),
        ("width = 8", "scale = [[8]]", 7, "value"),
        ("width = 8", "depth = 8", 7, None),
        ("seeds = 2", "seeds = 0", 11, "value"),
        ("seeds = 2", "seeds = [-1]", 11, "value"),
        ("[1, 1.5]", "[1, -1.5]", 15, "value"),
        ('"relu"', '"rleu"', 5, "value"),
        ('"delta_norm[1]"', '"delta_norm"', 2, "value"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path, old, new, line, reason):
    assert old in GOOD
    path = write(tmp_path, GOOD.replace(old, new))

    with pytest.raises(PlanProblem) as caught:
        read_plan(path)

    problem = caught.value
    assert problem.reason == (reason or "not_toml")
    if reason:
        assert problem.line == line
    for lang in LANGUAGES:
        assert "{" not in problem.sentence(lang).replace("{ from", "")
        assert str(path) in problem.sentence(lang)


def test_the_nearest_key_is_named(tmp_path):
    with pytest.raises(PlanProblem) as caught:
        read_plan(write(tmp_path, GOOD.replace("width = 8", "widht = 8")))

    assert caught.value.facts["nearest"] == "width"


def test_the_mistake_of_a_value_is_the_specs_own(tmp_path):
    with pytest.raises(PlanProblem) as caught:
        read_plan(write(tmp_path, GOOD.replace('"relu"', '"rleu"')))

    assert isinstance(caught.value.cause, UnknownName)
    assert caught.value.cause.nearest == "relu"


def test_a_skip_must_suit_every_notation(tmp_path):
    text = '[network]\nnotation = "784-9-8-10 relu"\nskip = [0, 1]\n'

    with pytest.raises(PlanProblem) as caught:
        read_plan(write(tmp_path, text))

    assert isinstance(caught.value.cause, InvalidValue)
    assert caught.value.line == 3


def test_a_batch_must_fit_the_data(tmp_path):
    plan = read_plan(write(tmp_path, "[network]\nactivation = 'relu'\n"))

    with pytest.raises(GradgaugeError, match="batch_size"):
        groups(plan, 784, 10, 100)


def test_a_missing_plan_is_said(tmp_path):
    with pytest.raises(PlanProblem) as caught:
        read_plan(tmp_path / "none.toml")

    assert caught.value.reason == "missing"


def test_lines_are_found_behind_arrays_and_texts_of_several_lines():
    text = """\
a = [
  "x",
  { b = 1 },
  [1, 2],
]
c = '''
d = 1
'''
[t]  # [not this]
e = 1
f.g = "]"
[[z]]
h = 1
[[z]]
h = 2
"""
    lines = lines_of(text)

    assert lines == {
        "a": 1,
        "c": 6,
        "t": 9,
        "t.e": 10,
        "t.f.g": 11,
        "t.f": 11,
        "z": 12,
        "z.0": 12,
        "z.0.h": 13,
        "z.1": 14,
        "z.1.h": 15,
    }


def test_a_range_has_round_numbers(tmp_path):
    text = "[network]\nactivation = 'relu'\nscale = { from = 0.8, to = 2.6, count = 13 }\n"
    scales = read_plan(write(tmp_path, text)).column("scale")

    assert scales == np.round(np.arange(0.8, 2.7, 0.15), 2).tolist()


def test_an_npz_lies_beside_its_plan(tmp_path):
    text = "dataset = 'data.npz'\n[network]\nactivation = 'relu'\n"
    plan = read_plan(write(tmp_path, text))

    assert plan.dataset == str(tmp_path.resolve() / "data.npz")
    assert plan.canonical()["dataset"] == "data.npz"


@pytest.mark.parametrize(
    "text",
    [
        "[training]\nlearning_rate = {from = 1e-4, to = 1e-2, count = 100000000}",
        "[network]\nwidth = {from = 1, to = inf, count = 3}",
        "[network]\nwidth = {from = nan, to = 5, count = 3}",
        "[training]\nseeds = 1000000000",
        "x = " + "9" * 9_999,
        "x = " + "[" * 99_999,
        "[network]\nactivation = 'relu'\n[training]\nseeds = 99999\nepochs = {from=1,to=999,count=999}",
    ],
)
def test_a_plan_that_asks_for_too_much_is_a_sentence_at_once(tmp_path, text):
    (tmp_path / "plan.toml").write_text(text)
    with pytest.raises(PlanProblem) as caught:
        read_plan(tmp_path / "plan.toml")
    assert "\n" not in str(caught.value)


def test_a_plan_that_is_no_file(tmp_path):
    with pytest.raises(PlanProblem) as caught:
        read_plan(tmp_path)
    assert caught.value.reason == "no_file"
