"""Long names and units of the variables and axes of a Run, as NetCDF readers show them.

All of them are dimensionless, so the unit is always 1. Long names are in English, following the
conventions for NetCDF metadata.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_PURE = "1"

_LONG_NAMES = {
    # axes
    "member": "seed of the training",
    "layer": "layer, starting at the input",
    "step": "weight update, counted from 0",
    "probe_step": "weight updates made before the probe",
    "parameter_group": "group of parameters with the same optimizer settings",
    "epoch": "pass over the training data, counted from 1",
    # one figure a member
    "test_loss": "mean loss on the test data at the final weights",
    "test_accuracy": "share of test samples classified correctly",
    "non_finite_step": "step whose loss or gradient was not finite, or -1",
    "non_finite_layer": "layer where values stopped being finite, or -1",
    "steps_done": "weight updates made",
    # of the whole network
    "loss": "mean loss",
    "accuracy": "share of samples classified correctly",
    "learning_rate": "learning rate of the update",
    "weight_decay": "weight decay of the update",
    "stale_gradients": "1 if the update used gradients of the previous step",
    # of a layer: the gauges
    "weight_grad_norm": "norm of the gradient of the loss with respect to the weights",
    "weight_grad_rms": "root mean square of the entries of that gradient",
    "delta_norm": "norm of the error signal at the pre-activation",
    "g_norm": "norm of the error signal at the activation's output",
    "backward_gain": "norm of the error signal over that of the next layer",
    "weight_gain": "part of the backward gain that is due to the weights",
    "slope_gain": "part of the backward gain that is due to the activation's slope",
    "clipped_grad_norm": "norm of the gradient passed to the optimizer, after clipping",
    "weight_norm": "norm of the weights",
    "update_ratio": "norm of one update over the norm of the weights",
    "z_mean": "mean pre-activation",
    "z_std": "standard deviation of the pre-activation",
    "h_mean": "mean activation",
    "h_std": "standard deviation of the activation",
    "signal_spread": "share of the signal that differs between inputs",
    "saturated": "share of activations in the flat regions of the activation function",
    "h_peak": "largest activation over the root mean square of all",
    "stream_norm": "norm of the residual stream after the layer",
    "inactive": "share of activations whose slope is exactly 0",
    "dead": "share of units whose slope is exactly 0 on every probe sample",
}


def attributes_of(name: str) -> Mapping[str, str]:
    """NetCDF attributes of a variable or axis: `long_name` and `units`; empty where not known."""
    long_name = _LONG_NAMES.get(name)
    return _NOTHING if long_name is None else {"long_name": long_name, "units": _PURE}


_NOTHING: Mapping[str, str] = MappingProxyType({})
