"""Mistakes whose remedy is a certainty: a loss and outputs that do not belong together, layers that
nothing can change, targets that broadcast. They are tried first, and proved like any other."""

from __future__ import annotations

from collections.abc import Mapping

from gradgauge.remedies.remedy import DATA, MODULE, OPTIMIZER, WEIGHTS, Remedy

_LOSS, _WIRING = "loss-mismatch", "unreached-layer"
_PAPER = "Zhang et al. (2021), AUTOTRAINER"
_GRAPH_PAPER = "Cao et al. (2022), DeepFD"

_KERAS_AGAIN = """
optimizer = type(model.optimizer).from_config(model.optimizer.get_config())
model.compile(optimizer=optimizer, loss=$loss)
"""
_KERAS_ACTIVATION = """
last = model.layers[-1]
if hasattr(last, "activation"):
    last.activation = keras.activations.$activation
elif isinstance(last, keras.layers.Softmax):
    model = keras.Model(model.inputs, keras.layers.Activation("$activation")(last.input))
"""
_KERAS_LOSS = """
name = model.loss if isinstance(model.loss, str) else model.loss.name
loss = getattr(keras.losses, name.title().replace("_", ""))(from_logits=$logits)
"""
_LAST = """
name, last = [(n, m) for n, m in model.named_modules() if not list(m.children())][-1]
"""
_PYTORCH_IDENTITY = """
    parent, _, own = name.rpartition(".")
    setattr(model.get_submodule(parent), own, torch.nn.Identity())
"""
_PYTORCH_UNDONE = (
    _LAST
    + "if isinstance(last, $modules):"
    + _PYTORCH_IDENTITY
    + """else:
    # @in_forward
    criterion = loss
    loss = lambda outputs, targets: criterion($undone, targets)
"""
)
_PYTORCH_BARE = (
    _LAST + 'if type(last).__module__ == "torch.nn.modules.activation":' + _PYTORCH_IDENTITY
)
_PYTORCH_WRAPPED = """
criterion = loss
loss = lambda outputs, targets: criterion($outputs, targets)
"""


def _keras_output(activation: str, loss: str = "model.loss") -> str:
    lines = _KERAS_ACTIVATION.replace("$activation", activation).rstrip("\n")
    return lines + _KERAS_AGAIN.replace("$loss", loss)


def _keras_loss(*, logits: bool) -> str:
    lines = _KERAS_LOSS.replace("$logits", str(logits)).rstrip("\n")
    return lines + _KERAS_AGAIN.replace("$loss", "loss")


def _pytorch_undone(modules: str, undone: str) -> str:
    return _PYTORCH_UNDONE.replace("$modules", modules).replace("$undone", undone)


def _pytorch_wrapped(outputs: str) -> str:
    return _PYTORCH_WRAPPED.replace("$outputs", outputs)


_IN_LOSS = """elif (model(x[:2]) < 0).any():
    # @in_loss
    loss = torch.nn.CrossEntropyLoss()
else:
"""
"""Of outputs that are no probabilities the softmax too many is the loss's own."""

_SOFTMAX = "(torch.nn.Softmax, torch.nn.LogSoftmax)"
_LOG = "torch.log(outputs.clamp_min(1e-12))"
_LOGIT = "torch.logit(outputs, 1e-6)"

_PYTORCH_LOG_SOFTMAX = (
    _LAST
    + """if isinstance(last, torch.nn.Softmax):
    parent, _, own = name.rpartition(".")
    setattr(model.get_submodule(parent), own, torch.nn.LogSoftmax(last.dim))
else:
    criterion = loss
    loss = lambda outputs, targets: criterion(torch.log_softmax(outputs, dim=1), targets)
"""
)
_PYTORCH_BINARY = (
    _LAST
    + "if isinstance(last, (torch.nn.Softmax, torch.nn.LogSoftmax)):"
    + _PYTORCH_IDENTITY
    + "binary = torch.nn.BCEWithLogitsLoss()\n"
)
_SEVERAL = "loss = lambda outputs, targets: binary(outputs, targets.float())\n"
_ONE_UNIT = """loss = lambda outputs, targets: binary(
    outputs.reshape(len(outputs)), targets.reshape(len(targets)).float()
)
"""

_KERAS_FROZEN = """
for layer in model.layers:
    if not $layers or layer.name in $layers:
        layer.trainable = True
""" + _KERAS_AGAIN.replace("$loss", "model.loss").lstrip("\n")
_NAMED = 'any(f"{name}.".startswith(f"{layer}.") for layer in $layers)'
_PYTORCH_FROZEN = f"""
# @before_optimizer
for name, parameter in model.named_parameters():
    if not $layers or {_NAMED}:
        parameter.requires_grad_(True)
"""
_PYTORCH_ADDED = f"""
known = {{id(p) for group in optimizer.param_groups for p in group["params"]}}
missing = [
    parameter
    for name, parameter in model.named_parameters()
    if id(parameter) not in known
    and parameter.requires_grad
    and (not $layers or {_NAMED})
]
if missing:
    optimizer.add_param_group({{"params": missing}})
"""
_SAME_SHAPE = """
# @outputs
y = y.reshape(len(y), *outputs.shape[1:])
"""


def _certain(
    key: str,
    reach: str,
    patch: Mapping[str, str],
    touches: str,
    rule: str = _LOSS,
    paper: str = _PAPER,
) -> Remedy:
    return Remedy(
        key,
        reach=reach,
        rules=(rule,),
        paper=paper,
        touches=frozenset({touches}),
        patch=patch,
        certain=True,
    )


CERTAIN: tuple[Remedy, ...] = (
    _certain(
        "remove_softmax",
        MODULE,
        {
            "keras": _keras_output("linear"),
            "pytorch": _pytorch_undone(_SOFTMAX, _LOG).replace("else:\n", _IN_LOSS),
        },
        "output",
    ),
    _certain(
        "remove_sigmoid",
        MODULE,
        {"keras": _keras_output("linear"), "pytorch": _pytorch_undone("torch.nn.Sigmoid", _LOGIT)},
        "output",
    ),
    _certain(
        "softmax_out",
        MODULE,
        {"keras": _keras_output("softmax"), "pytorch": _pytorch_wrapped("outputs.softmax(dim=1)")},
        "output",
    ),
    _certain(
        "sigmoid_out",
        MODULE,
        {"keras": _keras_output("sigmoid"), "pytorch": _pytorch_wrapped("torch.sigmoid(outputs)")},
        "output",
    ),
    _certain("log_softmax", MODULE, {"pytorch": _PYTORCH_LOG_SOFTMAX}, "output"),
    _certain(
        "logits_out", MODULE, {"keras": _keras_output("linear"), "pytorch": _PYTORCH_BARE}, "output"
    ),
    _certain(
        "linear_out", MODULE, {"keras": _keras_output("linear"), "pytorch": _PYTORCH_BARE}, "output"
    ),
    _certain(
        "one_unit_sigmoid",
        MODULE,
        {
            "keras": _keras_output("sigmoid", '"binary_crossentropy"'),
            "pytorch": _PYTORCH_BINARY + _ONE_UNIT,
        },
        "output",
    ),
    _certain(
        "sigmoid_binary",
        MODULE,
        {
            "keras": _keras_output("sigmoid", '"binary_crossentropy"'),
            "pytorch": _PYTORCH_BINARY + _SEVERAL,
        },
        "output",
    ),
    _certain("from_logits_false", DATA, {"keras": _keras_loss(logits=False)}, "output"),
    _certain("from_logits_true", DATA, {"keras": _keras_loss(logits=True)}, "output"),
    _certain(
        "same_shape",
        DATA,
        dict.fromkeys(("keras", "pytorch", "jax"), _SAME_SHAPE),
        "targets",
    ),
    _certain(
        "reach_frozen",
        WEIGHTS,
        {"keras": _KERAS_FROZEN, "pytorch": _PYTORCH_FROZEN},
        "wiring",
        _WIRING,
        _GRAPH_PAPER,
    ),
    _certain(
        "reach_not_in_optimizer",
        OPTIMIZER,
        {"pytorch": _PYTORCH_ADDED},
        "wiring",
        _WIRING,
        _GRAPH_PAPER,
    ),
)
