"""The Keras watcher on three backends, each in a process of its own: `keras_case.py` runs there."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
BACKENDS = ("tensorflow", "jax", "torch")
QUICK = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"

FLOAT64 = {"tensorflow": 1e-10, "jax": 1e-10, "torch": 1e-6}
"""Keras on PyTorch multiplies matrices of float64 in float32."""


def findings(backend: str) -> dict:
    flags = f"{os.environ.get('XLA_FLAGS', '')} {QUICK}" if backend == "jax" else ""
    environment = os.environ | {"KERAS_BACKEND": backend, "XLA_FLAGS": flags.strip()}
    done = subprocess.run(
        [sys.executable, "-m", "tests.watchers.keras.keras_case"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr[-3000:]
    line = next(x for x in done.stdout.splitlines() if x.startswith("FOUND "))
    return json.loads(line.removeprefix("FOUND "))


def check_agrees_with_the_engine(found, backend):
    assert found["float32"] < 1e-5
    assert found["float64"] < FLOAT64[backend]


def check_training_is_bit_identical_and_everything_is_restored(found, _backend):
    assert found["bit_identical"]
    assert found["left_behind"] == []


def check_every_kind_of_layer(found, _backend):
    assert found["kinds"] == {
        "conv": "convolution",
        "conv_bn": "convolution",
        "conv_sum": "convolution",
        "custom": "dense",
        "operation": "dense",
        "shared": "dense",
        "frozen": "dense",
        "embedding": "embedding",
        "attention/query": "attention",
        "attention/key": "attention",
        "attention/value": "attention",
        "attention/attention_output": "attention",
        "norm": "normalization",
        "lstm": "recurrent",
        "classes": "dense",
        "number": "dense",
    }
    activations = found["activations"]
    assert activations["conv"] == activations["conv_bn"] == "relu"
    assert activations["conv_sum"] == activations["shared"] == "tanh"
    assert (activations["operation"], activations["frozen"]) == ("gelu", "elu")
    assert found["outputs"] == ["classes", "number"]
    assert found["derived"] == ["custom"]
    reasons = set(found["reasons"]) - {"keras_callback:"}
    assert reasons == {"frozen:frozen", "fused:lstm", "unknown_activation:custom"}
    assert math.isnan(found["frozen_gradient"])
    assert found["frozen_delta"] > 0


def check_gain_is_the_product_of_its_factors_in_every_layer(found, _backend):
    assert found["identity_layers"] >= 12
    assert found["identity_gap"] < 1e-4


def check_error_signal_at_a_softmax(found, _backend):
    assert found["softmax_delta"] < 1e-4


def check_axes_of_the_run(found, _backend):
    assert found["probe_steps"] == [0, 2, 4, 6]
    assert found["steps"] == [0, 1, 2, 3, 4, 5]
    assert found["epochs"] == [1, 2]
    assert found["update_ratio_finite"]
    assert found["loss_finite"]


def check_subclassed_model_with_operations_of_its_own(found, _backend):
    assert found["subclassed"] == ["relu", "", True]
    assert found["subclassed_unused"] == 1
    assert {"not_called", "outside_layers"} <= set(found["subclassed_reasons"])
    assert found["own_step"]


def check_parameters_of_one_dimension_have_rows(found, _backend):
    assert found["scaled"] == {
        "stem": ["dense", "relu", 6],
        "branch": ["dense", "linear", 6],
        "scale": ["scale", "linear", 6],
        "bent": ["dense", "", 6],
        "bend/alpha": ["scale", "", 0],
        "head": ["dense", "", 3],
    }
    assert found["scaled_reasons"] == ["alone:bend/alpha", "unknown_activation:bent"]
    assert found["layer_scale"] == pytest.approx(0.3, rel=1e-5)


def check_roles_by_what_is_done_with_the_output(found, _backend):
    assert found["roles"] == {
        "stem": "",
        "norm": "norm",
        "part0": "v",
        "part1": "q",
        "part2": "k",
        "part3": "o",
        "bent": "gate",
        "plain": "up",
        "back": "down",
        "before": "norm",
        "first": "up",
        "second": "down",
        "wide": "",
        "last": "head",
    }
    assert found["wide"] == [6, 8]


def check_the_probe_batch_has_the_weights_of_its_classes(found, _backend):
    assert found["class_weights"] == pytest.approx(1, rel=1e-5)


def check_a_norm_beside_a_residual_sum_is_a_layer_of_its_own(found, _backend):
    for model in ("functional_pre", "functional_post", "Residual_pre", "Residual_post"):
        layers, gap = found[model]
        assert layers == 5, model
        assert gap < 1e-4, model


def check_a_batch_norm_that_alone_reads_its_convolution_belongs_to_it(found, _backend):
    assert found["folded"] == ["conv"]
    assert found["folded_rows"] == [2, ""]


def check_the_first_nan_is_found(found, _backend):
    for way, operation in (("forwards", "between_layers"), ("backwards", "gradient")):
        assert found[f"not_finite_{way}_every"] == [5, "b", operation, -1, False]
        assert found[f"not_finite_{way}_every_stop_on_nan"] == [5, "b", operation, 5, False]
        step, layer, _, stopped, noted = found[f"not_finite_{way}_budget"]
        assert (step, stopped) == (5, -1)
        assert (layer == "b") != noted


def check_a_sample_behind_the_probe_batch_is_looked_for(found, _backend):
    assert found["one_bad_sample"] == ["a", "between_layers", False]


def check_exceptions(found, _backend):
    assert found["own_exception"] == "mine"
    assert found["left_after_exception"] == []
    assert found["bad_probe"] == ["probe_failed"]
    assert found["bad_probe_left"] == []
    assert found["nothing_trainable"] == "nothing_trainable"


def check_data_that_is_no_array_is_not_touched(found, _backend):
    assert found["no_arrays"]
    assert found["no_arrays_updates"]


CHECKS = [value for name, value in list(globals().items()) if name.startswith("check_")]


@pytest.mark.parametrize("backend", BACKENDS)
def test_backend(backend):
    """One process a backend answers all checks: starting three frameworks is what costs."""
    found = findings(backend)
    for check in CHECKS:
        check(found, backend)
