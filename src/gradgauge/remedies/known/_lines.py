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
        "pytorch": "torch.nn.init.normal_(module.weight, std=module.in_features**-0.5)",
        "jax": "jax.nn.initializers.lecun_normal()",
    },
    GLOROT: {
        "keras": "keras.initializers.GlorotUniform()",
        "pytorch": "torch.nn.init.xavier_uniform_(module.weight)",
        "jax": "jax.nn.initializers.glorot_uniform()",
    },
}

_REDRAWN = {
    "keras": """
for layer in model.layers:
    if isinstance(layer, keras.layers.Dense):
        layer.kernel.assign($initial(layer.kernel.shape))
        layer.bias.assign(keras.ops.zeros(layer.bias.shape))
""",
    "pytorch": """
for module in model.modules():
    if isinstance(module, torch.nn.Linear):
        $initial
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

_SWAPPED = {
    "keras": """
for layer in model.layers[:-1]:
    if hasattr(layer, "activation"):
        layer.activation = $activation
    if isinstance(layer, keras.layers.Dense):
        layer.kernel.assign($initial(layer.kernel.shape))
optimizer = type(model.optimizer).from_config(model.optimizer.get_config())
model.compile(optimizer=optimizer, loss=model.loss, metrics=["accuracy"])
""",
    "pytorch": """
# @before_optimizer
for name, module in list(model.named_children()):
    if type(module).__module__ == "torch.nn.modules.activation":
        setattr(model, name, $activation)
    elif isinstance(module, torch.nn.Linear):
        $initial
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


def redrawing_by_activation() -> dict[str, str]:
    """The same with the initializer that belongs to the activation, which `initial_for` fills in."""
    return _filled(_REDRAWN, initial={name: f"$initial_{name}" for name in _REDRAWN})


def initial_for(knob: float, activation: str) -> dict[str, object]:
    """What fills the lines of `redrawing_by_activation`."""
    del knob
    words = _INITIAL[initializer_for(activation)]
    return {f"initial_{framework}": text for framework, text in words.items()}


def swapping(keras: str, pytorch: str, jax: str, initial: str) -> dict[str, str]:
    """Framework -> lines that put an activation into every hidden layer, with its weights."""
    activation = {"keras": keras, "pytorch": pytorch, "jax": jax}
    return _filled(_SWAPPED, activation=activation, initial=_INITIAL[initial])


def normalizing(keras: str, pytorch: str, axis: int) -> dict[str, str]:
    """Framework -> lines that put a normalization before every hidden activation."""
    norm = {"keras": f"{keras}()", "pytorch": pytorch, "jax": str(axis)}
    return _filled(_NORMALIZED, norm=norm)


def _filled(templates: Mapping[str, str], **words: Mapping[str, str]) -> dict[str, str]:
    return {
        framework: Template(text).substitute({name: of[framework] for name, of in words.items()})
        for framework, text in templates.items()
    }
