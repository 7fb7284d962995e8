"""What explains a layer's error signal, and what does not."""

from __future__ import annotations

import numpy as np
import pytest

from gradgauge.layers import LayerInfo
from gradgauge.watchers.activations import leaky_relu
from gradgauge.watchers.measure import Seen, slope_explains

Z = np.array([[0.0, 1.0], [0.0, -1.0]], np.float32)


def seen(delta) -> Seen:
    return Seen(
        LayerInfo("a", "dense"), z=Z, g=np.ones_like(Z), delta=delta, activation=leaky_relu(0.2)
    )


@pytest.mark.parametrize("at_zero", [0.2, 1.0])
def test_the_slope_at_a_kink_is_the_frameworks_own(at_zero):
    """Of a leaky ReLU at exactly 0 one framework takes the slope above, another the one below."""
    slopes = np.where(Z > 0, 1.0, np.where(Z < 0, 0.2, at_zero)).astype(np.float32)
    assert slope_explains(seen(slopes))


def test_another_slope_elsewhere_explains_nothing():
    assert not slope_explains(seen(3 * np.ones_like(Z)))
