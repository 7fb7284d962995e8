"""Remedies of recurrent layers: what they hand on from step to step."""

from __future__ import annotations

from gradgauge.remedies.remedy import MODULE, WEIGHTS, Knob, Remedy
from gradgauge.remedies.spec.case import SpecCase
from gradgauge.remedies.trainer import CannotApply

_FORGET_KERAS = """
for layer in model.layers:
    if isinstance(layer, keras.layers.LSTM):
        bias = np.array(layer.cell.bias)
        bias[layer.units : 2 * layer.units] = $knob
        layer.cell.bias.assign(bias)
"""
_FORGET_PYTORCH = """
for module in model.modules():
    if isinstance(module, torch.nn.LSTM):
        for name, bias in module.named_parameters():
            if name.startswith("bias_ih"):
                with torch.no_grad():
                    bias[len(bias) // 4 : len(bias) // 2] = $knob
"""

_ORTHOGONAL_KERAS = """
for layer in model.layers:
    kernel = getattr(getattr(layer, "cell", None), "recurrent_kernel", None)
    if kernel is not None:
        gates = kernel.shape[1] // kernel.shape[0]
        draw = keras.initializers.Orthogonal()
        parts = [draw((kernel.shape[0], kernel.shape[0])) for _ in range(gates)]
        kernel.assign(keras.ops.concatenate(parts, axis=1))
"""
_ORTHOGONAL_PYTORCH = """
for module in model.modules():
    if isinstance(module, torch.nn.RNNBase):
        for name, weight in module.named_parameters():
            if name.startswith("weight_hh"):
                for gate in weight.detach().split(weight.shape[1]):
                    torch.nn.init.orthogonal_(gate)
"""

_GATED_KERAS = """
def gated(layer):
    if isinstance(layer, keras.layers.SimpleRNN):
        return keras.layers.GRU(
            layer.units, return_sequences=layer.return_sequences, name=layer.name
        )
    return type(layer).from_config(layer.get_config())


optimizer = type(model.optimizer).from_config(model.optimizer.get_config())
loss = model.loss
model = keras.models.clone_model(model, clone_function=gated)
model.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"])
"""
_GATED_PYTORCH = """
# @before_optimizer
for name, module in list(model.named_modules()):
    if type(module) is torch.nn.RNN:
        parent, _, own = name.rpartition(".")
        gated = torch.nn.GRU(
            module.input_size,
            module.hidden_size,
            module.num_layers,
            batch_first=module.batch_first,
            dropout=module.dropout,
            bidirectional=module.bidirectional,
        )
        setattr(model.get_submodule(parent), own, gated)
"""


def _on_spec(case: SpecCase, knob: float) -> SpecCase:
    del case, knob
    raise CannotApply("no_recurrence")


def _recurrent(
    key: str, reach: str, paper: str, keras: str, pytorch: str, knob: Knob, *rules: str
) -> Remedy:
    return Remedy(
        key,
        reach=reach,
        rules=rules,
        paper=paper,
        touches=frozenset({"recurrent"}),
        knob=knob,
        on_spec=_on_spec,
        idle="no_recurrence",
        patch={"keras": keras, "pytorch": pytorch},
        unwritten={"jax": "no_recurrence"},
    )


_BOTH = ("vanishing-gradient", "exploding-gradient")

RECURRENT: tuple[Remedy, ...] = (
    _recurrent(
        "forget_bias",
        WEIGHTS,
        "Gers et al. (2000); Jozefowicz et al. (2015)",
        _FORGET_KERAS,
        _FORGET_PYTORCH,
        Knob(1.0, 0.5, 5.0),
        "vanishing-gradient",
    ),
    _recurrent(
        "orthogonal_init",
        WEIGHTS,
        "Saxe et al. (2014); Le et al. (2015)",
        _ORTHOGONAL_KERAS,
        _ORTHOGONAL_PYTORCH,
        Knob(),
        *_BOTH,
    ),
    _recurrent(
        "gated_cell",
        MODULE,
        "Cho et al. (2014)",
        _GATED_KERAS,
        _GATED_PYTORCH,
        Knob(),
        *_BOTH,
    ),
)
