"""`gradgauge theory` from the outside: figures, pages, pictures, wrong use."""

import json
import math
from pathlib import Path

import pytest

from gradgauge.cli.app import run
from gradgauge.messages.catalog import entries
from gradgauge.theory.quantities import QUANTITIES

GOLD = json.loads((Path(__file__).parents[1] / "theory" / "gold.json").read_text(encoding="utf-8"))
ROOT = math.sqrt
CONTRACT = [
    "activation",
    "sigma_w",
    "sigma_b",
    "q_star",
    "chi_grad",
    "chi_len",
    "c_star",
    "xi_q",
    "xi_c",
    "trainable_depth",
    "phase",
]

COMMANDS = {
    "tanh.qstar@sw1.5_sb0.3": ("q_star", "tanh --sigma-w 1.5 --sigma-b 0.3"),
    "tanh.chi1@sw1.5_sb0.3": ("chi_grad", "tanh --sigma-w 1.5 --sigma-b 0.3"),
    "tanh.cstar@sw1.5_sb0.3": ("c_star", "tanh --sigma-w 1.5 --sigma-b 0.3"),
    "tanh.xi_c@sw1.5_sb0.3": ("xi_c", "tanh --sigma-w 1.5 --sigma-b 0.3"),
    "tanh.xi_c@sw1.3_sb0.3": ("xi_c", "tanh --sigma-w 1.3 --sigma-b 0.3"),
    "tanh.chi1@sw2.5_sb0.3": ("chi_grad", "tanh --sigma-w 2.5 --sigma-b 0.3"),
    "tanh.critical_sigma_w2@sb2_0.05": (
        "sigma_w2_critical",
        f"tanh --critical --sigma-b {ROOT(0.05)}",
    ),
    "tanh.critical_sigma_b2@sw2_1.05": (
        "sigma_b2",
        f"tanh --quantity critical-bias --sigma-w {ROOT(1.05)}",
    ),
    "gelu.half_stable_C_W": ("sigma_w2", "gelu --quantity half-stable"),
    "sigmoid.chi1@sw1": ("chi_grad", "sigmoid"),
    "sigmoid.chi1@sw4": ("chi_grad", "sigmoid --sigma-w 4"),
    "sigmoid.critical_sigma_w@sb0": ("sigma_w", "sigmoid --quantity critical"),
    "relu.chi1@pytorch_default": ("chi_grad", f"relu --sigma-w {ROOT(1 / 3)}"),
    "tanh.xavier_gradvar_factor_L10": ("product", "tanh --quantity profile --depth 10"),
    "glorot.mean_singular_value@U(+-1/sqrt n)": (
        "mean_singular_value",
        f"--quantity singular-value --sigma-w {ROOT(1 / 3)}",
    ),
    "bn.relu.gradvar_growth_Binf": ("growth_mean_square", "relu --batch-norm inf"),
    "bn.linear.gradvar_growth_B16": ("growth_mean_square", "linear --batch-norm 16"),
    "selu.lambda": ("scale", "--quantity selu"),
    "selu.E_dphi2@fixed_point": ("chi_grad", "selu --quantity selu"),
    "dying.single_input@n2_H9": ("probability", "--quantity dying --width 2 --depth 9"),
    "finite_width.relu_he.mean_log_norm2_per_layer@n64": (
        "mean_log_norm2_per_layer",
        "--quantity finite-width --width 64",
    ),
    "relu_he.correlation_L10_from_c0": ("correlation", "--quantity correlation --depth 10"),
    "relu_he.gradient_correlation_L10_from_c0": (
        "gradient_correlation",
        "--quantity gradient-correlation --depth 10",
    ),
    "isometry.tanh_orth.var_sv2@sw2_1.05_L32": (
        "variance_orthogonal",
        f"tanh --quantity isometry --depth 32 --sigma-w {ROOT(1.05)}",
    ),
    "tat.leaky_slope@L50_eta0.9": (
        "negative_slope",
        "--quantity tailored-slope --depth 50 --eta 0.9",
    ),
}


def ask(capsys, *words):
    assert run(["theory", *words, "--json"]) == 0
    out, err = capsys.readouterr()
    assert not err and out.count("\n") == 1
    return json.loads(out)


def test_every_gold_figure_has_a_command():
    assert sorted(COMMANDS) == sorted(GOLD)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_gold_through_the_command_line(name, capsys):
    key, line = COMMANDS[name]
    assert ask(capsys, *line.split())[key] == pytest.approx(GOLD[name]["value"], rel=1e-4)


def test_contract_keys_and_nothing_else(capsys):
    assert list(ask(capsys, "tanh", "--sigma-w", "1.5", "--sigma-b", "0.3")) == CONTRACT
    critical = ask(capsys, "tanh", "--critical", "--sigma-b", "0.1")
    assert list(critical) == ["sigma_w2_critical", "q_star"]
    assert list(ask(capsys, "gelu", "--batch-norm", "32")) == ["growth_mean_square"]


def test_null_and_infinity(capsys):
    grows = ask(capsys, "relu", "--sigma-w", "2")
    assert grows["q_star"] == "inf" and grows["c_star"] is None and grows["xi_c"] is None
    assert ask(capsys, "softplus", "--critical") == {"sigma_w2_critical": None, "q_star": None}
    assert ask(capsys, "relu", "--sigma-w", str(math.sqrt(2)))["xi_c"] == "inf"


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_pages_say_why_a_figure_is_missing_and_what_follows(lang, capsys):
    assert run(["theory", "relu", "--sigma-w", "2", "--lang", lang]) == 0
    page = " ".join(capsys.readouterr().out.split())
    for key in ("theory.reason.length_diverges", "theory.reason.no_fixed_length"):
        assert entries(lang)[key] in page
    grows = entries(lang)["theory_command.follows.grows"].format(layers=10, factor="32.0")
    assert grows in page


def test_a_missing_critical_point_is_an_answer(capsys):
    assert run(["theory", "softplus", "--critical"]) == 0
    assert "gradient factor 1" in capsys.readouterr().out


def test_a_network_and_its_inner_layers(capsys):
    line = "784-64x10-10 tanh init=orthogonal scale=1.05"
    found = ask(capsys, line)
    assert found["notation"] == line and len(found["layers"]) == 10
    assert found["inner"] == ask(capsys, "tanh", "--sigma-w", "1.05")
    assert found["layers"][0]["decades"] == found["decades"]
    assert run(["theory", line]) == 0
    assert "decades" in capsys.readouterr().out
    assert ask(capsys, "9-8x3-4 tanh norm=layer")["inner"] is None


def test_every_quantity_is_listed_and_described(capsys):
    assert run(["theory", "--quantity", "list"]) == 0
    page = capsys.readouterr().out
    for quantity in QUANTITIES.values():
        assert f"{quantity.name}:" in page and quantity.paper in page


GIVEN = {
    "depth": "4",
    "width": "8",
    "sigma_w": "1.2",
    "keep": "0.9",
    "strength": "2",
    "start": "0.1",
    "end": "1",
}


@pytest.mark.parametrize("name", sorted(QUANTITIES))
def test_every_quantity_answers(name, capsys):
    quantity = QUANTITIES[name]
    words = [] if quantity.options.get("activation", "") == "" else ["tanh"]
    if quantity.activations:
        words = [quantity.activations[0]]
    for need in quantity.needs:
        if need != "activation":
            words += [f"--{need.replace('_', '-')}", GIVEN[need]]
    figures = ask(capsys, *words, "--quantity", name)
    assert figures and all(isinstance(v, float | int | str | None) for v in figures.values())
    assert run(["theory", *words, "--quantity", name, "--lang", "ko"]) == 0
    assert quantity.paper.split(" ")[0] in capsys.readouterr().out


def test_saxe_by_integrating_the_mode(capsys):
    """du/dt = 2 u (s - u) / tau, by Euler steps."""
    time, u, step = 0.0, 0.1, 1e-5
    while u < 1.5:
        u += step * 2 * u * (2.0 - u)
        time += step
    words = ["--quantity", "learning-time", "--strength", "2", "--start", "0.1", "--end", "1.5"]
    assert ask(capsys, *words)["time"] == pytest.approx(time, rel=1e-3)


def test_measure_adds_one_key_and_writes_the_picture(capsys, tmp_path):
    words = (
        "sigmoid",
        "--measure",
        "--width",
        "60",
        "--depth",
        "5",
        "--seeds",
        "2",
        "--out",
        str(tmp_path),
    )
    found = ask(capsys, *words)
    assert list(found) == [*CONTRACT, "measured"]
    assert found["measured"]["chi_grad"]["agrees"] is True
    assert {"mean", "interval", "agrees"} <= set(found["measured"]["q_star"])
    assert {p.name for p in tmp_path.iterdir()} == {"delta_norm.png", "delta_norm.svg"}
    assert run(["theory", *words, "--lang", "ko"]) == 0
    assert entries("ko")["theory_command.yes"] in capsys.readouterr().out


def test_measured_batch_norm_and_walk(capsys):
    sizes = ("--measure", "--seeds", "2")
    growth = ask(capsys, "relu", "--batch-norm", "16", "--width", "60", "--depth", "4", *sizes)
    assert list(growth) == ["growth_mean_square", "measured"]
    walk = ask(capsys, *["--quantity", "finite-width", "--width", "8", "--depth", "4"], *sizes)
    assert set(walk["measured"]) == {"mean_log_norm", "std_log_norm"}


def test_diagram(capsys, tmp_path):
    found = ask(capsys, "tanh", "--diagram", "--points", "6", "--out", str(tmp_path))
    assert len(found["sigma_w"]) == 6 and len(found["xi_c"]) == len(found["sigma_b"]) == 4
    on_line = {(round(w, 6), b) for w, b in found["critical_line"]}
    assert (1.0, 0.0) in on_line
    assert found["phase"][0][0] == "ordered" and found["phase"][0][-1] == "chaotic"
    names = {"phase_diagram.json", "phase_diagram.png", "phase_diagram.svg"}
    assert {p.name for p in tmp_path.iterdir()} == names


def test_experiment(capsys, tmp_path):
    words = (
        "tanh --experiment --sigma-ws 1,2 --depths 1,2 --rates 0.01 --width 8 --epochs 1 "
        f"--train-samples 100 --test-samples 50 --out {tmp_path}"
    ).split()
    found = ask(capsys, *words)
    assert len(found["cells"]) == 4 and len(found["edges"]) == 2
    assert (tmp_path / "trainability.json").is_file() and (tmp_path / "trainability.png").is_file()


WRONG = {
    "tanh --sigma-w -1": "--sigma-w",
    "tanh --sigma-w nan": "--sigma-w",
    "tanh --sigma-b inf": "--sigma-b",
    "tanh --sigma-w 1e300": "--sigma-w",
    "tanh --sigma-w x": "--sigma-w",
    "tahn": "tanh",
    "": "SUBJECT",
    "784-64x10": "784-64x10",
    "relu --batch-norm 3": "batch",
    "relu --batch-norm 4.5": "batch",
    "tanh --quantity nothing": "nothing",
    "tanh --quantity profile": "--depth",
    "tanh --quantity profile --depth 0": "depth",
    "tanh --quantity profile --depth 99999999999": "depth",
    "tanh --quantity profile --depth 3 --q0 nan": "q0",
    "tanh --quantity dying --width 2 --depth 3": "dying",
    "tanh --quantity singular-value": "singular-value",
    "tanh --quantity selu": "selu",
    "--quantity correlation --depth 3 --c0 2": "c0",
    "tanh --quantity dropout --keep 1.5": "keep",
    "tanh --quantity profile --depth 3 --keep .5": "--keep",
    "tanh --quantity profile --depth 3 --measure": "profile",
    "tanh --critical --measure": "--measure",
    "tanh --critical --batch-norm 8": "--batch-norm",
    "tanh --critical --sigma-w 2": "--sigma-w",
    "tanh --measure --depth 0": "depth",
    "tanh --measure --width 100000 --depth 1000000": "100000",
    "tanh --diagram --points 1": "points",
    "tanh --diagram --points 100000": "points",
    "tanh --experiment --depths 1,x": "depths",
    "tanh --experiment --sigma-ws -1": "--sigma-w",
    "tanh --experiment --dataset nowhere": "nowhere",
    f"tanh --measure --out {__file__}": "test_theory_command.py",
}


@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize("line", sorted(WRONG))
def test_wrong_use_is_one_sentence(line, lang, capsys):
    assert run(["theory", *line.split(), "--lang", lang]) == 2
    out, err = capsys.readouterr()
    assert not out and err.count("\n") == 1
    assert WRONG[line] in err
