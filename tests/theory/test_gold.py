"""The reference figures that came with the project, computed there by other means."""

import json
import math
from pathlib import Path

import pytest

from gradgauge import theory

GOLD = json.loads((Path(__file__).parent / "gold.json").read_text(encoding="utf-8"))


def _tanh(sigma_w):
    return theory.predict("tanh", sigma_w, 0.3)


OURS = {
    "tanh.qstar@sw1.5_sb0.3": lambda: _tanh(1.5).q_star,
    "tanh.chi1@sw1.5_sb0.3": lambda: _tanh(1.5).chi_grad,
    "tanh.cstar@sw1.5_sb0.3": lambda: _tanh(1.5).c_star,
    "tanh.xi_c@sw1.5_sb0.3": lambda: _tanh(1.5).xi_c,
    "tanh.xi_c@sw1.3_sb0.3": lambda: _tanh(1.3).xi_c,
    "tanh.chi1@sw2.5_sb0.3": lambda: _tanh(2.5).chi_grad,
    "tanh.critical_sigma_w2@sb2_0.05": lambda: theory.critical("tanh", math.sqrt(0.05)).sigma_w2,
    "tanh.critical_sigma_b2@sw2_1.05": lambda: theory.critical_bias("tanh", 1.05).sigma_b ** 2,
    "gelu.half_stable_C_W": lambda: theory.half_stable_point("gelu").sigma_w2,
    "sigmoid.chi1@sw1": lambda: theory.predict("sigmoid", 1.0).chi_grad,
    "sigmoid.chi1@sw4": lambda: theory.predict("sigmoid", 4.0).chi_grad,
    "sigmoid.critical_sigma_w@sb0": lambda: math.sqrt(theory.critical("sigmoid").sigma_w2),
    "relu.chi1@pytorch_default": lambda: theory.predict("relu", math.sqrt(1 / 3)).chi_grad,
    "tanh.xavier_gradvar_factor_L10": lambda: theory.gradient_profile("tanh", 10, 1.0).product[0],
    "glorot.mean_singular_value@U(+-1/sqrt n)": (
        lambda: theory.mean_singular_value(math.sqrt(1 / 3))
    ),
    "bn.relu.gradvar_growth_Binf": lambda: theory.batch_norm_growth("relu"),
    "bn.linear.gradvar_growth_B16": lambda: theory.batch_norm_growth("linear", 16),
    "selu.lambda": lambda: theory.selu_constants()[0],
    "selu.E_dphi2@fixed_point": theory.selu_fixed_point_growth,
    "dying.single_input@n2_H9": lambda: theory.dying_probability([2] * 9),
    "finite_width.relu_he.mean_log_norm2_per_layer@n64": lambda: theory.relu_log_gain(64).mean,
    "relu_he.correlation_L10_from_c0": lambda: theory.correlation_profile(0.0, 10)[-1],
    "relu_he.gradient_correlation_L10_from_c0": lambda: theory.relu_gradient_correlation(0.0, 10),
    "isometry.tanh_orth.var_sv2@sw2_1.05_L32": lambda: (
        theory.singular_value_spread("tanh", theory.critical_bias("tanh", 1.05).q_star, 32).variance
    ),
    "tat.leaky_slope@L50_eta0.9": lambda: theory.tailored_leaky_slope(50, 0.9),
}

ALSO = {
    "gelu.half_stable_C_W": {
        "K_star": lambda: theory.half_stable_point("gelu").q_star,
        "C_b": lambda: theory.half_stable_point("gelu").sigma_b ** 2,
    },
    "sigmoid.chi1@sw1": {"qstar": lambda: theory.predict("sigmoid", 1.0).q_star},
    "sigmoid.chi1@sw4": {"qstar": lambda: theory.predict("sigmoid", 4.0).q_star},
    "sigmoid.critical_sigma_w@sb0": {"qstar": lambda: theory.critical("sigmoid").q_star},
    "tanh.critical_sigma_w2@sb2_0.05": {
        "qstar": lambda: theory.critical("tanh", math.sqrt(0.05)).q_star
    },
}


def test_every_figure_is_mapped():
    assert sorted(OURS) == sorted(GOLD)


@pytest.mark.parametrize("name", sorted(GOLD))
def test_figure(name):
    """Within 1e-5, or the figure's own tolerance where that is larger."""
    entry = GOLD[name]
    kind, _, size = entry["tolerance"]["theory"].partition(" ")
    tolerance = max(1e-5, float(size or 0))
    scale = 1.0 if kind == "abs" else abs(entry["value"])
    assert abs(OURS[name]() - entry["value"]) <= tolerance * scale


@pytest.mark.parametrize(
    ("name", "setting"), [(name, key) for name, group in ALSO.items() for key in group]
)
def test_figure_in_the_settings(name, setting):
    assert ALSO[name][setting]() == pytest.approx(GOLD[name]["settings"][setting], rel=1e-8)
