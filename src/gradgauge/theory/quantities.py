"""Everything else that theory knows, by name: options in, a flat dict of figures out.

A quantity says which options it takes. One that is REQUIRED has to be given; the others have a
default, None meaning "chosen by the quantity". To add one: a function here, a line in the list.
"""

from __future__ import annotations

import math

import numpy as np

from gradgauge import theory
from gradgauge.errors import InvalidValue
from gradgauge.spec.checks import positive
from gradgauge.theory.activation_moments import moments
from gradgauge.theory.isometry import FIRST_MOMENT
from gradgauge.theory.quantity import REQUIRED, Answer, Figure, Quantity


def _growth(value: float) -> Answer:
    return Answer({"growth_mean_square": value, "growth_norm": math.sqrt(value)})


def _layer_norm(activation: str, sigma_w: float, sigma_b: float) -> Answer:
    return _growth(theory.layer_norm_growth(activation, sigma_w, sigma_b))


def _batch_norm(activation: str, batch_size: float) -> Answer:
    return _growth(theory.batch_norm_growth(activation, batch_size))


def _point(point: theory.CriticalPoint) -> Answer:
    exists = point.sigma_w2 is not None
    figures: dict[str, Figure] = {
        "sigma_w2": point.sigma_w2,
        "sigma_w": math.sqrt(point.sigma_w2) if point.sigma_w2 is not None else None,
        "sigma_b2": point.sigma_b**2 if exists else None,
        "sigma_b": point.sigma_b if exists else None,
        "q_star": point.q_star,
        "chi_len": point.chi_len,
    }
    return Answer(figures, {"sigma_w2": point.note} if point.note else {})


def _critical(activation: str, sigma_b: float) -> Answer:
    return _point(theory.critical(activation, sigma_b))


def _critical_bias(activation: str, sigma_w: float) -> Answer:
    positive("sigma_w", sigma_w)
    return _point(theory.critical_bias(activation, sigma_w**2))


def _half_stable(activation: str) -> Answer:
    return _point(theory.half_stable_point(activation))


def _finite_width(activation: str, width: int, depth: int, sigma_w: float | None) -> Answer:
    if sigma_w is not None:
        positive("sigma_w", sigma_w)
    layer = theory.log_gradient_norm([width], activation, None if sigma_w is None else sigma_w**2)
    figures: dict[str, Figure] = {
        "mean_log_norm": depth * layer.mean,
        "std_log_norm": math.sqrt(depth * layer.variance),
        "variance_log_norm": depth * layer.variance,
        "mean_log_norm2_per_layer": 2 * layer.mean,
        "variance_log_norm2_per_layer": 4 * layer.variance,
        "unbiased_sigma_w": theory.unbiased_gain(width, activation),
    }
    if activation == "relu":
        law = theory.log_norm2_large_width([width])
        figures["mean_log_norm2_large_width"] = depth * law.mean
        figures["variance_log_norm2_large_width"] = depth * law.variance
    return Answer(figures)


def _residual(activation: str, depth: int, **sigmas: float) -> Answer:
    profile = theory.residual_profile(activation, depth, **sigmas)
    figures: dict[str, Figure] = {
        "log_growth": profile.log_growth,
        "growth_first": float(profile.growth[0]),
        "growth_last": float(profile.growth[-1]),
        "stream_last": float(profile.stream[-1]),
        "length_last": float(profile.length[-1]),
    }
    if activation == "tanh" and sigmas["sigma_v"] > 0:
        a = theory.tanh_residual_exponent(sigmas["sigma_w"], sigmas["sigma_v"], sigmas["sigma_a"])
        figures["exponent"] = a
        figures["log_growth_asymptotic"] = a * math.sqrt(depth)
    return Answer(figures)


def _isometry(
    activation: str, depth: int, q: float | None, sigma_w: float | None, sigma_b: float | None
) -> Answer:
    q, sigma_w, note = _length_of(activation, q, sigma_w, sigma_b)
    names = ("q", "mean_square", *(f"variance_{kind}" for kind in FIRST_MOMENT))
    figures: dict[str, Figure] = dict.fromkeys(names)
    if q is None or math.isinf(q):
        return Answer(figures, {"q": note or "length_diverges"})
    for kind in FIRST_MOMENT:
        spread = theory.singular_value_spread(activation, q, depth, kind, sigma_w)
        figures[f"variance_{kind}"] = spread.variance
        figures["mean_square"] = spread.mean
    figures["q"] = q
    return Answer(figures)


def _length_of(
    activation: str, q: float | None, sigma_w: float | None, sigma_b: float | None
) -> tuple[float | None, float | None, str | None]:
    """The length and sigma_w: as given; with sigma_w alone the critical biases' length; with
    sigma_b alone, or nothing, the critical point's."""
    if q is not None:
        return q, sigma_w, None
    if sigma_w is None:
        point = theory.critical(activation, sigma_b or 0.0)
        return point.q_star, None, point.note
    if sigma_b is None:
        positive("sigma_w", sigma_w)
        point = theory.critical_bias(activation, sigma_w**2)
        return point.q_star, sigma_w, point.note
    length = theory.length_fixed_point(activation, sigma_w, sigma_b)
    return length.q_star, sigma_w, length.note


def _dying(activation: str, width: int, depth: int) -> Answer:  # noqa: ARG001
    return Answer({"probability": theory.dying_probability([width] * depth)})


def _dropout(activation: str, sigma_w: float, sigma_b: float, keep: float) -> Answer:
    found = theory.dropout_prediction(activation, sigma_w, sigma_b, keep)
    trainable = None if found.xi_c is None else theory.depth_to_forget(found.xi_c)
    return Answer({**vars(found), "trainable_depth": trainable})


def _selu(activation: str) -> Answer:  # noqa: ARG001
    scale, alpha = theory.selu_constants()
    growth = theory.selu_fixed_point_growth()
    figures: dict[str, Figure] = {
        "scale": scale,
        "alpha": alpha,
        "chi_grad": growth,
        "growth_norm": math.sqrt(growth),
    }
    return Answer(figures)


def _correlation(
    activation: str,
    c0: float,
    depth: int,
    sigma_w: float | None,
    sigma_b: float | None,
    negative_slope: float | None,
) -> Answer:
    """Closed form for ReLU and its kin at the scale that keeps the length, else the map."""
    _correlation_checked(c0)
    if activation in ("relu", "leaky_relu") and sigma_w is None and sigma_b is None:
        slope = _negative_slope(activation) if negative_slope is None else negative_slope
        c = float(theory.correlation_profile(c0, depth, slope)[-1])
        return Answer({"correlation": c, "one_minus_correlation": 1 - c})
    w, b = 1.0 if sigma_w is None else sigma_w, sigma_b or 0.0
    length = theory.length_fixed_point(activation, w, b)
    if length.q_star in (0.0, math.inf):
        nothing: dict[str, Figure] = {"correlation": None, "one_minus_correlation": None}
        return Answer(nothing, {"correlation": length.note or "no_fixed_length"})
    c = c0
    for _ in range(depth):
        before, c = c, theory.next_correlation(activation, c, length.q_star, w, b)
        c = min(max(c, 0.0), 1.0)
        if c == before:
            break
    return Answer({"correlation": c, "one_minus_correlation": 1 - c})


def _negative_slope(activation: str) -> float:
    """What max(u, 0) + a min(u, 0) has for a."""
    return float(-moments(activation).f(np.array(-1.0)))


def _correlation_checked(c0: float) -> None:
    if not -1 <= c0 <= 1:
        raise InvalidValue("c0", c0, "between", low=-1, high=1)


def _gradient_correlation(activation: str, c0: float, depth: int) -> Answer:  # noqa: ARG001
    _correlation_checked(c0)
    return Answer({"gradient_correlation": theory.relu_gradient_correlation(c0, depth)})


def _tailored_slope(activation: str, depth: int, eta: float) -> Answer:  # noqa: ARG001
    return Answer({"negative_slope": theory.tailored_leaky_slope(depth, eta)})


def _profile(activation: str, depth: int, sigma_w: float, sigma_b: float, q0: float) -> Answer:
    profile = theory.gradient_profile(activation, depth, sigma_w, sigma_b, q0)
    product = float(profile.product[0])
    return Answer(
        {
            "product": product,
            "decades": math.log10(product) / 2 if product > 0 else -math.inf,
            "q_first": float(profile.length[0]),
            "q_last": float(profile.length[-1]),
            "chi_grad_first": float(profile.chi_grad[0]),
            "chi_grad_last": float(profile.chi_grad[-1]),
        }
    )


def _singular_value(sigma_w: float) -> Answer:
    return Answer({"mean_singular_value": theory.mean_singular_value(sigma_w)})


def _init_advice(activation: str) -> Answer:
    advice = theory.init_advice(activation)
    names = ("kind", "sigma_w", "sigma_b", "shift", "q_star", "chi_len")
    figures = {name: getattr(advice, name) for name in names}
    return Answer(figures, {"sigma_w": advice.note} if advice.note else {})


def _learning_time(strength: float, start: float, end: float, time_constant: float) -> Answer:
    return Answer({"time": theory.learning_time(strength, start, end, time_constant)})


_ANY = {"activation": REQUIRED}
_SIGMAS = {"sigma_w": 1.0, "sigma_b": 0.0}
_POOLE = "Poole et al. (2016), section 2"

QUANTITIES: dict[str, Quantity] = {
    q.name: q
    for q in (
        Quantity("critical", _critical, {**_ANY, "sigma_b": 0.0}, _POOLE),
        Quantity(
            "critical-bias",
            _critical_bias,
            {**_ANY, "sigma_w": REQUIRED},
            "Pennington, Schoenholz & Ganguli (2017)",
        ),
        Quantity("half-stable", _half_stable, _ANY, "Roberts, Yaida & Hanin (2022), section 5.3"),
        Quantity("init-advice", _init_advice, _ANY, "Poole et al. (2016); the shift is ours"),
        Quantity(
            "profile",
            _profile,
            {**_ANY, "depth": REQUIRED, **_SIGMAS, "q0": 1.0},
            "Glorot & Bengio (2010), section 4.2.1; Poole et al. (2016)",
        ),
        Quantity(
            "correlation",
            _correlation,
            {
                "activation": "relu",
                "c0": 0.0,
                "depth": REQUIRED,
                "sigma_w": None,
                "sigma_b": None,
                "negative_slope": None,
            },
            "Cho & Saul (2009); Poole et al. (2016)",
        ),
        Quantity(
            "gradient-correlation",
            _gradient_correlation,
            {"activation": "relu", "c0": 0.0, "depth": REQUIRED},
            "Cho & Saul (2009); contrast Balduzzi et al. (2017), theorem 1",
            ("relu",),
        ),
        Quantity(
            "dropout",
            _dropout,
            {**_ANY, **_SIGMAS, "keep": REQUIRED},
            "Schoenholz et al. (2017), section on dropout",
        ),
        Quantity("batch-norm", _batch_norm, {**_ANY, "batch_size": math.inf}, "Yang et al. (2019)"),
        Quantity("layer-norm", _layer_norm, {**_ANY, **_SIGMAS}, "Ba, Kiros & Hinton (2016)"),
        Quantity(
            "residual",
            _residual,
            {
                **_ANY,
                "depth": REQUIRED,
                "sigma_w": 1.0,
                "sigma_v": 1.0,
                "sigma_b": 0.0,
                "sigma_a": 0.0,
                "p0": 1.0,
            },
            "Yang & Schoenholz (2017)",
        ),
        Quantity(
            "finite-width",
            _finite_width,
            {"activation": "relu", "width": REQUIRED, "depth": 1, "sigma_w": None},
            "Hanin & Nica (2020); Sussillo & Abbott (2014)",
            ("relu", "linear"),
        ),
        Quantity(
            "isometry",
            _isometry,
            {**_ANY, "depth": REQUIRED, "q": None, "sigma_w": None, "sigma_b": None},
            "Pennington, Schoenholz & Ganguli (2017, 2018)",
        ),
        Quantity(
            "singular-value",
            _singular_value,
            {"sigma_w": 1.0},
            "Glorot & Bengio (2010), section 4.2.1",
        ),
        Quantity(
            "dying",
            _dying,
            {"activation": "relu", "width": REQUIRED, "depth": REQUIRED},
            "Lu et al. (2019); Rister & Rubin (2020)",
            ("relu",),
        ),
        Quantity(
            "selu", _selu, {"activation": "selu"}, "Klambauer et al. (2017), eq. 14", ("selu",)
        ),
        Quantity(
            "tailored-slope",
            _tailored_slope,
            {"activation": "leaky_relu", "depth": REQUIRED, "eta": 0.9},
            "Zhang, Botev & Martens (2022)",
            ("leaky_relu", "relu"),
        ),
        Quantity(
            "learning-time",
            _learning_time,
            {"strength": REQUIRED, "start": REQUIRED, "end": REQUIRED, "time_constant": 1.0},
            "Saxe, McClelland & Ganguli (2014), section 1",
        ),
    )
}
"""Name -> quantity, in the order in which they are listed."""
