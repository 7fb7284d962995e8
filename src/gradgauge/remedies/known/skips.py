"""Identity connections round every two hidden layers."""

from __future__ import annotations

from gradgauge.remedies.known._lines import REBUILT, RESIDUAL
from gradgauge.remedies.remedy import GRAPH, Remedy
from gradgauge.remedies.spec.case import SpecCase
from gradgauge.remedies.trainer import CannotApply

_KERAS = """
inputs = h = keras.Input(model.input_shape[1:])
dense, skip = 0, None
for layer in model.layers[:-1]:
    h = layer(h)
    if isinstance(layer, keras.layers.Dense):
        if dense % 2 == 0:
            h = skip = h if skip is None else keras.layers.Add()([h, skip])
        dense += 1
"""

_PYTORCH = """\
linear = [i for i, m in enumerate(model) if isinstance(m, torch.nn.Linear)]
stem, pairs = model[: linear[1]], linear[1:-1:2]
blocks = [Residual(*model[at : linear[linear.index(at) + 2]]) for at in pairs[:-1]]
rest = model[pairs[-1] :] if pairs else model[linear[1] :]
model = torch.nn.Sequential(*stem, *blocks, *rest)
"""

_JAX = """
# @skips
if number % 2 == 0:
    h = skip = h if number == 0 else h + skip
"""


_EVERY = 2


def _on_spec(case: SpecCase, knob: float) -> SpecCase:
    del knob
    if case.network.skip:
        raise CannotApply("already")
    return skipped(case)


def skipped(case: SpecCase) -> SpecCase:
    """The same with identities round every two hidden layers, unless it has some.

    Raises:
        CannotApply: it has too few hidden layers, or of different widths.
    """
    network = case.network
    if network.skip:
        return case
    if network.depth <= _EVERY:
        raise CannotApply("too_shallow")
    if len({layer.width for layer in network.hidden}) > 1:
        raise CannotApply("unequal_widths")
    return case.built_with(skip=_EVERY)


REMEDY = Remedy(
    "skips",
    reach=GRAPH,
    rules=("vanishing-gradient", "signal-collapse"),
    paper="He et al. (2016)",
    touches=frozenset({"skip"}),
    on_spec=_on_spec,
    patch={"keras": _KERAS + REBUILT, "pytorch": RESIDUAL + _PYTORCH, "jax": _JAX},
)
