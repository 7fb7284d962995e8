"""ComparisonSpec: which networks are trained side by side, how, and the command that says so."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from gradgauge.errors import GradgaugeError, InvalidValue
from gradgauge.messages.catalog import Message
from gradgauge.parts.activations import ACTIVATIONS
from gradgauge.parts.spelling import known_name
from gradgauge.spec.checks import known_options, seed_count, whole_number
from gradgauge.spec.network import NetworkSpec
from gradgauge.spec.notation import looks_like_function, looks_like_notation, parse, write
from gradgauge.spec.presets import preset as find_preset
from gradgauge.spec.shell import joined
from gradgauge.spec.training import TrainingSpec

DEPTH, WIDTH = 10, 64
MNIST_INPUTS, MNIST_OUTPUTS = 784, 10
WHY_SEEDS = 3
"""Seeds of `why` where none are named: with one, nothing is decided."""


_BETWEEN = ("vs", "vs.", "versus", "and", "&", "+")
"""Words that people write between the networks of a comparison."""


class NothingToCompare(GradgaugeError):
    """Neither networks nor a preset, or both."""

    both: bool

    def __init__(self, both: bool):
        super().__init__(both=both)

    def message(self) -> Message:
        """See GradgaugeError."""
        return Message("errors.preset_and_networks" if self.both else "errors.no_networks", {})


class DoesNotFit(GradgaugeError):
    """A network whose inputs or outputs are not the data's."""

    notation: str
    network_inputs: int
    network_outputs: int
    inputs: int
    outputs: int

    def __init__(self, network: NetworkSpec, inputs: int, outputs: int):
        super().__init__(
            notation=write(network),
            network_inputs=network.inputs,
            network_outputs=network.outputs,
            inputs=inputs,
            outputs=outputs,
        )

    def message(self) -> Message:
        """See GradgaugeError."""
        return Message("errors.inputs_do_not_fit", self._facts())


@dataclass(frozen=True)
class ComparisonSpec:
    """What `compare` trains.

    Attributes:
        arguments: networks as the user named them: activations, notations, or functions that make
            one (`module:function`, or a function's own name); empty for a preset.
        preset: the preset's name, or None.
        depth, width: hidden layers of the networks that are named by their activation alone.
        dataset: a dataset's name or an .npz file's path.
        train_samples: how many of the training samples are trained on; None: all of them.
        training: shared by all; somebody's own networks bring loss and optimizer themselves.
        functions: those of `arguments` that are functions.
    """

    arguments: tuple[str, ...] = ()
    preset: str | None = None
    depth: int | None = None
    width: int | None = None
    dataset: str = "mnist"
    train_samples: int | None = None
    training: TrainingSpec = field(default_factory=TrainingSpec)
    functions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        written = tuple(a for a in self.arguments if looks_like_function(a))
        object.__setattr__(self, "functions", tuple(dict.fromkeys((*self.functions, *written))))
        if bool(self.arguments) == bool(self.preset):
            raise NothingToCompare(both=bool(self.arguments))
        for name in ("depth", "width"):
            value = getattr(self, name)
            if value is not None:
                whole_number(name, value, 1)
                if not any(self._is_activation(a) for a in self.arguments):
                    raise InvalidValue(name, value, "only_beside_activations")
        if self.train_samples is not None:
            whole_number("train_samples", self.train_samples, 1)
        self.networks(MNIST_INPUTS, MNIST_OUTPUTS)

    def networks(self, inputs: int, outputs: int) -> dict[str, NetworkSpec]:
        """The dense networks by name, for data of so many inputs and outputs.

        Raises:
            InvalidNotation, UnknownName, InvalidValue: a network cannot be.
        """
        if self.preset:
            return find_preset(self.preset)
        return {
            name: self._network(argument, inputs, outputs)
            for name, argument in self.named().items()
            if argument not in self.functions
        }

    def named(self) -> dict[str, str]:
        """Name -> argument of all networks but a preset's, in order.

        A second network of one name is called `-2`, a third `-3`.
        """
        named: dict[str, str] = {}
        for argument in self.arguments:
            name, count = argument, 1
            while name in named:
                count += 1
                name = f"{argument}-{count}"
            named[name] = argument
        return named

    def _is_activation(self, argument: str) -> bool:
        return argument not in self.functions and _is_activation(argument)

    def _network(self, argument: str, inputs: int, outputs: int) -> NetworkSpec:
        if not self._is_activation(argument):
            return parse(argument)
        return NetworkSpec.uniform(
            inputs, self.depth or DEPTH, self.width or WIDTH, outputs, argument
        )

    def fitting(self, inputs: int, outputs: int) -> dict[str, NetworkSpec]:
        """As `networks`, checked against the data.

        Raises:
            DoesNotFit: a notation's or preset's ends are not the data's.
        """
        networks = self.networks(inputs, outputs)
        for network in networks.values():
            if network.inputs != inputs or network.outputs < outputs:
                raise DoesNotFit(network, inputs, outputs)
        return networks

    def command(self, *flags: str) -> str:
        """The command line that repeats this comparison; of functions that have no address in a
        file, the names that they had.

        Args:
            flags: what else belongs there, such as `--json`.
        """
        words = ["gradgauge", "compare", *self.arguments]
        if self.preset:
            words += ["--preset", self.preset]
        for name in ("depth", "width"):
            if getattr(self, name) is not None:
                words += [f"--{name}", str(getattr(self, name))]
        if self.dataset != "mnist":
            words += ["--dataset", self.dataset]
        if self.train_samples is not None:
            words += ["--train-samples", str(self.train_samples)]
        return joined([*words, *training_flags(self.training), *flags])


def training_flags(training: TrainingSpec) -> list[str]:
    """The options that spell a training, defaults left out."""
    words: list[str] = []
    for option in dataclasses.fields(TrainingSpec):
        value = getattr(training, option.name)
        if value == option.default or option.name == "seeds":
            continue
        words += [f"--{option.name.replace('_', '-')}", str(value)]
    count, first = len(training.seeds), training.seeds[0]
    words += ["--seeds", str(count)] if count > 1 else []
    words += ["--seed", str(first)] if first else []
    return words


def seed_range(count: Any, first: Any) -> tuple[int, ...]:
    """`count` seeds from `first` on.

    Raises:
        InvalidValue: no count, or not all of them seeds.
    """
    seed_count("seeds", count)
    whole_number("seed", first, 0)
    whole_number("seed", first + count - 1, 0)
    return tuple(range(first, first + count))


def _named(arguments: Sequence[str], functions: Sequence[str]) -> tuple[str, ...]:
    """Networks one by one, activations by their own names: `relu,sigmoid`, "relu sigmoid" and
    `relu vs sigmoid` are the same two."""
    named: list[str] = []
    for argument in arguments:
        if argument in functions:
            named.append(argument)
        else:
            named += _separated(argument)
    return tuple(named)


def _separated(argument: str) -> list[str]:
    """The networks of one argument; none of a word that only stands between two."""
    words = [known_name(word, ACTIVATIONS) for word in re.split(r"[\s,]+", argument) if word]
    if all(word in ACTIVATIONS for word in words):
        return words
    if argument.lower() in _BETWEEN:
        return []
    pieces = (piece.strip() for piece in argument.split(","))
    return [known_name(piece, ACTIVATIONS) for piece in pieces if piece]


def _is_activation(argument: str) -> bool:
    return argument in ACTIVATIONS or not looks_like_notation(argument)


def read_comparison(
    arguments: Sequence[str | NetworkSpec | Callable[..., Any]], **options: Any
) -> ComparisonSpec:
    """A ComparisonSpec from flat options: its own fields, TrainingSpec's, `seeds` and `seed`.

    Args:
        arguments: networks: activations, notations, specs, or functions that make one.
        options: `preset`, `depth`, `width`, `dataset`, `train_samples`; every field of TrainingSpec; `seeds`, how
            many; `seed`, the first. An option that is None is left at its default.

    Raises:
        GradgaugeError: anything about them that cannot be.
    """
    given = {name: value for name, value in options.items() if value is not None}
    known_options(given, COMPARISON_OPTIONS)
    names = tuple(map(as_text, arguments))
    functions = tuple(as_text(a) for a in arguments if is_function(a))
    if "dataset" in given:
        given["dataset"] = _dataset_name(given["dataset"])
    seeds = seed_range(given.pop("seeds", 1), given.pop("seed", 0))
    own = {f.name for f in dataclasses.fields(ComparisonSpec)} & given.keys()
    fields = {name: given.pop(name) for name in own}
    training = TrainingSpec(seeds=seeds, **given)
    named = _named(names, functions)
    return ComparisonSpec(named, training=training, functions=functions, **fields)


COMPARISON_OPTIONS = tuple(
    {
        **dict.fromkeys(("preset", "depth", "width", "dataset", "train_samples")),
        **{f.name: None for f in dataclasses.fields(TrainingSpec)},
        "seed": None,
    }
)
"""Names of the options that `read_comparison` takes."""


def as_text(network: object) -> str:
    """A network as the user named it: an activation, a notation, a spec's notation, a function's
    name.

    Raises:
        InvalidValue: it is none of them.
    """
    if isinstance(network, NetworkSpec):
        return write(network)
    if is_function(network):
        return function_name(network)
    if not isinstance(network, str):
        raise InvalidValue("networks", network, "network_as_text")
    return network


def is_function(network: object) -> TypeGuard[Callable[..., Any]]:
    """Whether it can be called to make a network; models and modules can be called, too, but are
    one, and have their weights already."""
    return callable(network) and not hasattr(network, "compile") and not hasattr(network, "modules")


def function_name(function: object) -> str:
    """What a function is called, for reports; `network` if it has no name."""
    inner = getattr(function, "func", function)
    name = getattr(inner, "__name__", type(inner).__name__)
    return name if name.isidentifier() else "network"


def _dataset_name(dataset: object) -> str:
    if not isinstance(dataset, (str, os.PathLike)):
        raise InvalidValue("dataset", dataset, "dataset_name")
    return os.fspath(dataset)
