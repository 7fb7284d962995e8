"""Named comparisons: what is compared, and under which names."""

from __future__ import annotations

from gradgauge.errors import UnknownName
from gradgauge.spec.network import Layer, NetworkSpec

_INPUTS, _DEPTH, _WIDTH, _OUTPUTS = 784, 10, 64, 10
_RELU = NetworkSpec.uniform(_INPUTS, _DEPTH, _WIDTH, _OUTPUTS, "relu")

PRESETS: dict[str, dict[str, NetworkSpec]] = {
    # The exercise as its code has it: the model called sigmoid ends in a ReLU layer.
    "practical": {
        "relu": _RELU,
        "sigmoid": _RELU.replace(
            hidden=(Layer(_WIDTH, "sigmoid"),) * (_DEPTH - 1) + (Layer(_WIDTH, "relu"),)
        ),
    },
    # The exercise as its text has it.
    "practical-all-sigmoid": {"relu": _RELU, "sigmoid": _RELU.with_activation("sigmoid")},
}


def preset(name: str) -> dict[str, NetworkSpec]:
    """The networks of a preset by name.

    Raises:
        UnknownName: there is no such preset.
    """
    try:
        return PRESETS[name]
    except KeyError:
        raise UnknownName("preset", name, PRESETS) from None
