"""What a compiled Keras model says of itself: losses, outputs, optimizer, layers."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from gradgauge.diagnosis.facts import Head, Layer, Loss, Optimizer
from gradgauge.diagnosis.properties.indices import INPUTS, Outside, joined, outside
from gradgauge.diagnosis.trainees.trainee import looks_drawn
from gradgauge.watchers.keras.layers import Row

_KINDS = {
    "binary_crossentropy": "binary",
    "binary_focal_crossentropy": "binary",
    "categorical_crossentropy": "categorical",
    "categorical_focal_crossentropy": "categorical",
    "sparse_categorical_crossentropy": "sparse_categorical",
    "mean_squared_error": "mse",
    "mean_absolute_error": "mae",
    "huber": "huber",
    "kl_divergence": "categorical",
}
_SHAPING = (
    keras.layers.Reshape,
    keras.layers.Flatten,
    keras.layers.Dropout,
    keras.layers.ActivityRegularization,
)


def numpy_of(tensor: Any) -> np.ndarray:
    """A tensor or variable as an array of its own."""
    found: Any = keras.ops.convert_to_numpy(tensor)
    return np.array(found)


def value_of(variable: Any) -> np.ndarray:
    """A variable's value as an array of its own."""
    return numpy_of(variable.value)


def loss_facts(loss: Any) -> Loss:
    """A loss as compiled: a name, a function or an object."""
    if loss is None:
        return Loss("other", "none")
    try:
        found = keras.losses.get(loss) if isinstance(loss, str) else loss
    except ValueError:
        return Loss("other", str(loss))
    function = getattr(found, "fn", found)
    name = getattr(function, "__name__", "") or type(found).__name__
    home = getattr(function, "__module__", "") or ""
    options = getattr(found, "_fn_kwargs", {})
    kind = _KINDS.get(name, "other") if home.startswith("keras") else "other"
    logits = bool(options.get("from_logits", getattr(found, "from_logits", False)))
    smoothing = float(options.get("label_smoothing", 0.0) or 0.0)
    if name == "kl_divergence":
        smoothing = 1.0  # Its floor is not the entropy of the classes.
    return Loss(kind, name, logits, smoothing)


def losses_of(model: Any, outputs: Sequence[Any]) -> list[Any]:
    """The compiled losses in the order of the outputs."""
    loss = model.loss
    if isinstance(loss, dict):
        names = list(getattr(model, "output_names", loss))
        return [loss.get(name) for name in names]
    if isinstance(loss, (list, tuple)):
        return list(loss)
    return [loss] * len(outputs)


def output_layers(model: Any, count: int) -> list[tuple[str | None, str]]:
    """(name of the last layer with weights, activation) of every output; empty: not known."""
    if isinstance(model, keras.Sequential) and model.layers:
        return [_after(list(model.layers))] * count
    tensors = getattr(model, "outputs", None)
    if not getattr(model, "_is_graph_network", False) and not isinstance(model, keras.Model):
        tensors = None
    if not tensors or not hasattr(tensors[0], "_keras_history"):
        return [(None, "")] * count
    return [_after(_chain_to(tensor)) for tensor in keras.tree.flatten(tensors)]


def _chain_to(tensor: Any) -> list[Any]:
    """The layers that lead to a tensor, the last one last, as far as each has one input."""
    layers: list[Any] = []
    history = getattr(tensor, "_keras_history", None)
    while history is not None and len(layers) < 12:
        operation = history.operation
        layers.append(operation)
        if getattr(operation, "weights", None) or not history.operation._inbound_nodes:
            break
        node = operation._inbound_nodes[history.node_index]
        history = (
            getattr(node.input_tensors[0], "_keras_history", None) if node.input_tensors else None
        )
    return layers[::-1]


def _after(layers: list[Any]) -> tuple[str | None, str]:
    """The last layer with weights, and what stands at the very end."""
    activation = ""
    for layer in reversed(layers):
        if isinstance(layer, (keras.Sequential, keras.Model)):
            name, inner = _after(list(layer.layers))
            return name, activation or inner
        if not activation and not isinstance(layer, _SHAPING):
            activation = _activation(layer)
        if getattr(layer, "weights", None):
            return str(layer.name), activation
    return None, activation


def _activation(layer: Any) -> str:
    """A layer's own activation by name; empty where it is not a known kind of layer."""
    if isinstance(layer, keras.layers.Softmax):
        return "softmax"
    if isinstance(layer, keras.layers.ReLU):
        return "relu"
    function = getattr(layer, "activation", None)
    if function is not None:
        home = getattr(function, "__module__", "") or ""
        return getattr(function, "__name__", "") if home.startswith("keras") else ""
    name = type(layer).__name__.lower()
    if isinstance(layer, keras.Operation) and not isinstance(layer, keras.Layer):
        return name if name in ("softmax", "sigmoid", "tanh", "relu", "log_softmax") else ""
    plain = (
        isinstance(layer, (keras.layers.Dense, keras.layers.Add)) or "Norm" in type(layer).__name__
    )
    return "linear" if plain else ""


def by_values(activation: str, outputs: Sequence[np.ndarray]) -> str:
    """An unknown output activation, told by what it gives: distributions can be no accident."""
    if activation:
        return activation
    for out in outputs:
        flat = out.reshape(-1, out.shape[-1]) if out.ndim > 1 else out.reshape(-1, 1)
        if len(flat) < 8 or not np.isfinite(flat).all():
            return ""
        if flat.shape[1] == 1 and bool(np.all(flat == 1.0)):
            return "softmax"
        if flat.shape[1] > 1 and flat.min() >= 0 and np.abs(flat.sum(axis=1) - 1).max() < 1e-3:
            return "softmax"
    if any(float(o.min()) < -1e-6 or float(o.max()) > 1 + 1e-6 for o in outputs):
        return "linear"
    return ""


def optimizer_facts(optimizer: Any) -> Optimizer:
    """The optimizer's name and rate."""
    rate = optimizer.learning_rate
    scheduled = isinstance(
        getattr(optimizer, "_learning_rate", None), keras.optimizers.schedules.LearningRateSchedule
    )
    return Optimizer(type(optimizer).__name__.lower(), float(numpy_of(rate)), not scheduled)


def indices_of(model: Any, x: Any) -> tuple[Outside, ...]:
    """Inputs that go into an embedding as they are, and lie outside of its table.

    Args:
        model: built; of one that is no graph of layers, its only embedding and its only input.
        x: its inputs.
    """
    given = [np.asarray(a) for a in keras.tree.flatten(x)]
    tables = [a for a in model._flatten_layers() if isinstance(a, keras.layers.Embedding)]
    found = []
    for layer in tables:
        place = _input_of(model, layer, len(given), len(tables))
        if place is not None:
            found.append(outside(given[place], layer.input_dim, INPUTS, layer.name))
    return joined(found)


def _input_of(model: Any, layer: Any, inputs: int, tables: int) -> int | None:
    """Which of the model's inputs a layer is given; None: none, or it is not known."""
    symbols = [id(t) for t in getattr(model, "inputs", None) or ()]
    try:
        return symbols.index(id(layer.input)) if symbols else 0 if inputs == tables == 1 else None
    except (AttributeError, ValueError):
        return None


def heads_of(
    model: Any, before: Any, y: Any, known: list[tuple[str | None, str]]
) -> tuple[Head, ...]:
    """The outputs with their losses and targets."""
    outputs = [np.asarray(o) for o in keras.tree.flatten(before)]
    targets = _targets(model, y, len(outputs))
    heads = []
    for index, (out, loss) in enumerate(zip(outputs, losses_of(model, outputs), strict=False)):
        if loss is None and model.loss is not None:
            continue
        name, activation = known[index] if index < len(known) else (None, "")
        target = np.asarray(targets[index]) if index < len(targets) else np.zeros(0)
        facts = loss_facts(loss)
        if target.size == 0 and facts.kind != "other":
            continue
        heads.append(Head(name, by_values(activation, [out]), facts, _as(target, facts.kind), out))
    return tuple(heads)


def _as(y: np.ndarray, kind: str) -> np.ndarray:
    """Targets as Keras squeezes them: (n, 1) classes are (n,)."""
    if kind == "sparse_categorical" and y.ndim > 1 and y.shape[-1] == 1:
        return y[..., 0]
    return y


def _targets(model: Any, y: Any, count: int) -> list[Any]:
    if y is None:
        return []
    if isinstance(y, dict):
        names = getattr(model, "output_names", None) or list(y)
        return [y[name] for name in names if name in y]
    return list(y) if isinstance(y, (list, tuple)) and count > 1 else [y]


def layer_facts(
    rows: Sequence[Row],
    before: dict[int, np.ndarray],
    after: dict[int, np.ndarray],
    trained: bool,
    model: Any,
) -> tuple[Layer, ...]:
    """Rows of a watcher with their weights before and after."""
    blocks = _frozen_blocks(model)
    names = short_names([row.info.name for row in rows])
    facts = []
    for row in rows:
        ids = {id(w) for w in row.weights}
        biases = [
            v
            for v in row.layer.weights
            if id(v) not in ids and "bias" in v.name and id(v) in before
        ]
        weights = [w for w in row.weights if id(w) in before]
        facts.append(
            Layer(
                dataclasses.replace(row.info, name=names[row.info.name]),
                tuple(before[id(w)] for w in weights),
                tuple(after[id(w)] for w in weights),
                tuple(before[id(b)] for b in biases),
                tuple(after[id(b)] for b in biases),
                _fresh(row, weights, biases, before, trained),
                block=blocks.get(id(row.layer), ""),
            )
        )
    return tuple(facts)


def _frozen_blocks(model: Any) -> dict[int, str]:
    """Layers inside of a part of the model that was frozen as a whole."""
    found: dict[int, str] = {}
    for part in getattr(model, "layers", []):
        if isinstance(part, keras.Model) and not part.trainable:
            found.update(
                {id(layer): part.name for layer in part._flatten_layers(include_self=False)}
            )
    return found


def has_been_trained(model: Any) -> bool:
    """Whether something shows that the model was trained before: moved statistics or biases."""
    if model.optimizer is not None and int(numpy_of(model.optimizer.iterations)) > 0:
        return True
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization) and layer.built:
            mean = getattr(layer, "moving_mean", None)
            if mean is not None and np.any(numpy_of(mean)):
                return True
    return False


def _fresh(
    row: Row,
    weights: Sequence[Any],
    biases: Sequence[Any],
    before: dict[int, np.ndarray],
    trained: bool,
) -> bool | None:
    """Whether weights are distributed as the layer's own initializer draws them, biases too."""
    owner = getattr(row.layer, "cell", row.layer)
    initializer = getattr(owner, "kernel_initializer", None) or getattr(
        owner, "embeddings_initializer", None
    )
    if initializer is None or not weights:
        return None
    bias_init = getattr(owner, "bias_initializer", None)
    for bias in biases:
        value = before[id(bias)]
        if (
            isinstance(bias_init, keras.initializers.Zeros)
            and value.any()
            and row.info.kind != "recurrent"
        ):
            return False
    if row.info.kind == "recurrent":
        return None if trained else True
    weight = before[id(weights[0])]
    sample = numpy_of(_clone(initializer)(weights[0].shape))
    if not looks_drawn(weight, sample):
        return False
    return (None if trained else True) if not biases else True


def _clone(initializer: Any) -> Any:
    """The same initializer with its own random state, so that the user's stays as it is."""
    config = {k: v for k, v in initializer.get_config().items() if k != "seed"}
    try:
        return type(initializer)(**config, seed=0)
    except TypeError:
        return type(initializer)(**config)


def short_names(paths: Sequence[str]) -> dict[str, str]:
    """Path -> its last part, as `layer.name` has it, where no other layer is called so."""
    short = [path.rpartition("/")[2] for path in paths]
    return {
        path: name if short.count(name) == 1 else path
        for path, name in zip(paths, short, strict=True)
    }
