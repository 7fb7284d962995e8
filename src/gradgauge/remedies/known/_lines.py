"""Lines that several remedies write into a program: only initializer, activation or norm differ."""

from __future__ import annotations

from collections.abc import Mapping
from string import Template

from gradgauge.remedies.known._dense import GLOROT, HE, LECUN, initializer_for

_INITIAL = {
    HE: {
        "keras": "keras.initializers.HeNormal()",
        "pytorch": 'torch.nn.init.kaiming_normal_(module.weight, nonlinearity="relu")',
        "jax": "jax.nn.initializers.he_normal()",
    },
    LECUN: {
        "keras": "keras.initializers.LecunNormal()",
        "pytorch": "torch.nn.init.normal_(module.weight, std=module.weight[0].numel()**-0.5)",
        "jax": "jax.nn.initializers.lecun_normal()",
    },
    GLOROT: {
        "keras": "keras.initializers.GlorotUniform()",
        "pytorch": "torch.nn.init.xavier_uniform_(module.weight)",
        "jax": "jax.nn.initializers.glorot_uniform()",
    },
}

LAYERS = {
    "keras": "(keras.layers.Dense, keras.layers.Conv1D, keras.layers.Conv2D)",
    "pytorch": "(torch.nn.Linear, torch.nn.Conv1d, torch.nn.Conv2d)",
}
"""Framework -> the kinds of layers that multiply by weights."""

_REDRAWN = {
    "keras": """
for layer in model.layers:
    if isinstance(layer, $layers):
        layer.kernel.assign($initial(layer.kernel.shape))
        if layer.bias is not None:
            layer.bias.assign(keras.ops.zeros(layer.bias.shape))
""",
    "pytorch": """
for module in model.modules():
    if isinstance(module, $layers):
        $initial
        if module.bias is not None:
            torch.nn.init.zeros_(module.bias)
""",
    "jax": """
# params: [{"weight": (fan_in, units), "bias": (units,)}, ...]
for layer in params:
    key, own = jax.random.split(key)
    layer["weight"] = $initial(own, layer["weight"].shape)
    layer["bias"] = jnp.zeros_like(layer["bias"])
""",
}

_ALL_KERAS = """
for weight in model.trainable_variables:
    if len(weight.shape) > 1:
        weight.assign($initial_keras(weight.shape))
    elif weight.name == "bias":
        weight.assign(keras.ops.zeros(weight.shape))
"""
_ALL_PYTORCH = """
for name, weight in model.named_parameters():
    if weight.dim() > 1:
        $initial_pytorch
    elif "bias" in name:
        torch.nn.init.zeros_(weight)
"""

_SWAPPED = {
    "keras": """
for layer in model.layers[:-1]:
    if hasattr(layer, "activation"):
        layer.activation = $activation
    if isinstance(layer, $layers):
        layer.kernel.assign($initial(layer.kernel.shape))
optimizer = type(model.optimizer).from_config(model.optimizer.get_config())
model.compile(optimizer=optimizer, loss=model.loss, metrics=["accuracy"])
""",
    "pytorch": """
# @before_optimizer
others = (torch.nn.Softmax, torch.nn.LogSoftmax, torch.nn.MultiheadAttention)
last = list(model.modules())[-1]
for name, module in list(model.named_modules()):
    if isinstance(module, $layers):
        $initial
    elif type(module).__module__ == "torch.nn.modules.activation":
        if module is not last and not isinstance(module, others):
            parent, _, own = name.rpartition(".")
            setattr(model.get_submodule(parent), own, $activation)
""",
    "jax": """
# params: [{"weight": (fan_in, units), "bias": (units,)}, ...]
f = $activation  # @instead
for layer in params:
    key, own = jax.random.split(key)
    layer["weight"] = $initial(own, layer["weight"].shape)
""",
}

RESIDUAL = """
# @before_optimizer
class Residual(torch.nn.Module):
    def __init__(self, *modules):
        super().__init__()
        self.branch = torch.nn.Sequential(*modules)

    def forward(self, h):
        return h + self.branch(h)


"""
"""PyTorch's lines that define what adds a branch to its own input."""

REBUILT = """\
optimizer = type(model.optimizer).from_config(model.optimizer.get_config())
loss = model.loss
model = keras.Model(inputs, model.layers[-1](h))
model.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"])
"""
"""Keras's lines that end a functional model whose hidden layers lead to `h`, and compile it."""

_NORMALIZED = {
    "keras": """
inputs = h = keras.Input(model.input_shape[1:])
for layer in model.layers[:-1]:
    if isinstance(layer, keras.layers.Dense):
        h = keras.layers.Dense(layer.units, kernel_initializer=layer.kernel_initializer)(h)
        h = $norm(h)
        h = keras.layers.Activation(layer.activation)(h)
    else:
        h = layer(h)
"""
    + REBUILT,
    "pytorch": """
# @before_optimizer
linear = [m for m in model if isinstance(m, torch.nn.Linear)]
model = torch.nn.Sequential(
    *(
        torch.nn.Sequential(m, $norm(m.out_features))
        if isinstance(m, torch.nn.Linear) and m is not linear[-1]
        else m
        for m in model
    )
)
""",
    "jax": """
# @on_z
z = (z - z.mean(axis=$norm, keepdims=True)) / jnp.sqrt(z.var(axis=$norm, keepdims=True) + 1e-3)
z = layer["gamma"] * z + layer["beta"]  # @new_parameters
""",
}


def redrawing(initial: str) -> dict[str, str]:
    """Framework -> lines that draw all weights anew with an initializer, and set biases to 0."""
    return _filled(_REDRAWN, initial=_INITIAL[initial])


def drawing_all_by_activation() -> dict[str, str]:
    """Framework -> lines that draw every weight of any layer anew, with the initializer that belongs
    to the activation, which `initial_for` fills in."""
    return {
        "keras": _ALL_KERAS,
        "pytorch": _ALL_PYTORCH,
        "jax": _REDRAWN["jax"].replace("$initial", "$initial_jax"),
    }


def initial_for(knob: float, activation: str) -> dict[str, object]:
    """What fills the lines of `drawing_all_by_activation`."""
    del knob
    words = _INITIAL[initializer_for(activation)]
    return {
        f"initial_{framework}": text.replace("module.weight", "weight")
        for framework, text in words.items()
    }


def swapping(keras: str, pytorch: str, jax: str, initial: str) -> dict[str, str]:
    """Framework -> lines that put an activation into every hidden layer, with its weights."""
    activation = {"keras": keras, "pytorch": pytorch, "jax": jax}
    return _filled(_SWAPPED, activation=activation, initial=_INITIAL[initial])


def normalizing(keras: str, pytorch: str, axis: int) -> dict[str, str]:
    """Framework -> lines that put a normalization before every hidden activation."""
    norm = {"keras": f"{keras}()", "pytorch": pytorch, "jax": str(axis)}
    return _filled(_NORMALIZED, norm=norm)


def _filled(templates: Mapping[str, str], **words: Mapping[str, str]) -> dict[str, str]:
    filled = {}
    for framework, text in templates.items():
        own = {name: of[framework] for name, of in words.items()}
        own["layers"] = LAYERS.get(framework, "")
        filled[framework] = Template(text).substitute(own)
    return filled
