"""Mean-field theory of wide networks: how gradients behave before training.

NumPy and SciPy in float64. `docs/theory.md` describes every function and names its paper.
Conventions: W ~ N(0, sigma_w^2 / fan_in), b ~ N(0, sigma_b^2), q the variance of z.
"""

from gradgauge.theory.activation_moments import Moments, moments, quadrature_moments
from gradgauge.theory.advice import InitAdvice, init_advice, shift_advice
from gradgauge.theory.correlation_map import (
    CorrelationFixedPoint,
    correlation_fixed_point,
    depth_to_forget,
    next_correlation,
    next_correlation_slope,
)
from gradgauge.theory.criticality import (
    CriticalPoint,
    critical,
    critical_bias,
    critical_line,
    half_stable_point,
)
from gradgauge.theory.dropout import DropoutPrediction, dropout_prediction
from gradgauge.theory.dying import dying_probability
from gradgauge.theory.finite_depth import GradientProfile, gradient_profile
from gradgauge.theory.finite_width import (
    LogGain,
    linear_log_gain,
    log_gradient_norm,
    log_norm2_large_width,
    relu_log_gain,
    unbiased_gain,
)
from gradgauge.theory.gaussian import expectation, pair_expectation
from gradgauge.theory.isometry import SingularValueSpread, singular_value_spread
from gradgauge.theory.length_map import (
    LengthFixedPoint,
    depth_scale,
    length_fixed_point,
    length_profile,
    next_length,
)
from gradgauge.theory.linear_networks import learning_time, mean_singular_value
from gradgauge.theory.network import (
    LayerPrediction,
    NetworkPrediction,
    layer_sigmas,
    predict_network,
)
from gradgauge.theory.normalization import batch_norm_growth, layer_norm_growth
from gradgauge.theory.prediction import (
    Prediction,
    phase_diagram,
    phase_of,
    predict,
)
from gradgauge.theory.relu_correlation import (
    correlation_profile,
    leaky_correlation_map,
    relu_gradient_correlation,
    tailored_leaky_slope,
)
from gradgauge.theory.residual import ResidualProfile, residual_profile, tanh_residual_exponent
from gradgauge.theory.selu import selu_constants, selu_fixed_point_growth

__all__ = [
    "CorrelationFixedPoint",
    "CriticalPoint",
    "DropoutPrediction",
    "GradientProfile",
    "InitAdvice",
    "LayerPrediction",
    "LengthFixedPoint",
    "LogGain",
    "Moments",
    "NetworkPrediction",
    "Prediction",
    "ResidualProfile",
    "SingularValueSpread",
    "batch_norm_growth",
    "correlation_fixed_point",
    "correlation_profile",
    "critical",
    "critical_bias",
    "critical_line",
    "depth_scale",
    "depth_to_forget",
    "dropout_prediction",
    "dying_probability",
    "expectation",
    "gradient_profile",
    "half_stable_point",
    "init_advice",
    "layer_norm_growth",
    "layer_sigmas",
    "leaky_correlation_map",
    "learning_time",
    "length_fixed_point",
    "length_profile",
    "linear_log_gain",
    "log_gradient_norm",
    "log_norm2_large_width",
    "mean_singular_value",
    "moments",
    "next_correlation",
    "next_correlation_slope",
    "next_length",
    "pair_expectation",
    "phase_diagram",
    "phase_of",
    "predict",
    "predict_network",
    "quadrature_moments",
    "relu_gradient_correlation",
    "relu_log_gain",
    "residual_profile",
    "selu_constants",
    "selu_fixed_point_growth",
    "shift_advice",
    "singular_value_spread",
    "tailored_leaky_slope",
    "tanh_residual_exponent",
    "unbiased_gain",
]
