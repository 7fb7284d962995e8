"""What a comparison trains: its networks, whoever made them, and the data for all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from gradgauge import datasets
from gradgauge.datasets import Dataset
from gradgauge.datasets.look import warn_of
from gradgauge.engine.train import load
from gradgauge.errors import InvalidValue
from gradgauge.messages.catalog import Message
from gradgauge.own.data import OwnData, named_data, own_data
from gradgauge.own.errors import OwnProblem
from gradgauge.own.loading import find_function
from gradgauge.own.train import Network, network_of
from gradgauge.parts.losses import LOSSES
from gradgauge.spec.comparison import ComparisonSpec
from gradgauge.spec.network import NetworkSpec
from gradgauge.spec.notation import looks_like_function
from gradgauge.study.arms import Arm

Function = Callable[..., Any]


@dataclass(frozen=True)
class PreparedComparison:
    """All that is to be trained.

    Attributes:
        arms: one a network, in the order in which they were named.
        networks: the dense ones' specs, by name.
        dataset: what a report says of the data, and what the dense ones are trained on.
    """

    arms: list[Arm]
    networks: dict[str, NetworkSpec]
    dataset: Dataset


def prepare(
    spec: ComparisonSpec,
    data: Dataset | OwnData | None = None,
    functions: Sequence[Function] = (),
) -> PreparedComparison:
    """Load what is not loaded, and look whether networks and data fit.

    Args:
        spec: what to compare.
        data: the data, if they are at hand.
        functions: those of `spec.functions` that are no addresses (`module:function`), in order.

    Raises:
        GradgaugeError: the data cannot be used, or do not fit the networks.
    """
    if not spec.functions:
        if isinstance(data, OwnData):
            _check_loss(spec, data)
            data = data.for_notations()
        dataset = (data or _load_beside_engine(spec)).thinned(spec.train_samples)
        warn_of(dataset)
        networks = spec.fitting(dataset.inputs, dataset.outputs)
        return PreparedComparison(_arms(spec, networks), networks, dataset)
    if spec.train_samples is not None:
        raise InvalidValue("train_samples", spec.train_samples, "not_with_functions")
    if data is None:
        data = named_data(spec.dataset)
    elif isinstance(data, Dataset):
        data = own_data(data)
    own = _own(spec, data, functions)
    has_dense = len(own) < len(spec.named())
    classes = _have_classes(data, own, has_dense)
    data = replace(data, classes=classes)
    own = {n: replace(net, data=replace(net.data, classes=classes)) for n, net in own.items()}
    if not has_dense:
        return PreparedComparison(_arms(spec, own), {}, data.as_dataset())
    _check_loss(spec, data)
    dataset = data.for_notations()
    networks = spec.fitting(dataset.inputs, dataset.outputs)
    return PreparedComparison(_arms(spec, {**networks, **own}), networks, dataset)


def _arms(spec: ComparisonSpec, networks: dict[str, Any]) -> list[Arm]:
    names = networks if spec.preset else spec.named()
    return [Arm(name, networks[name], spec.training) for name in names]


def _own(spec: ComparisonSpec, data: OwnData, functions: Sequence[Function]) -> dict[str, Network]:
    """What the functions make, by name."""
    given = iter(functions)
    found = {}
    for name, argument in spec.named().items():
        if argument not in spec.functions:
            continue
        address = looks_like_function(argument)
        function = find_function(argument) if address else next(given)
        found[name] = network_of(name, function, data, spec.training, spec.training.seeds[0])
    return found


def _have_classes(data: OwnData, own: dict[str, Network], has_dense: bool) -> bool:
    """Whether networks are ranked by accuracy.

    Raises:
        OwnProblem: some can be and some cannot; or none can, and their losses differ.
    """
    classes = any(data.has_classes(network.facts.loss_kind) for network in own.values())
    mute = [name for name, network in own.items() if not network.facts.answers]
    if classes and mute and (has_dense or len(mute) < len(own)):
        raise OwnProblem("no_outputs", name=mute[0])
    if classes and not mute:
        return True
    losses = {name: network.facts.loss_kind or network.facts.loss for name, network in own.items()}
    first, *others = losses
    for name in others:
        if losses[name] != losses[first] and not mute:
            names = {"first": first, "first_loss": losses[first]}
            raise OwnProblem("losses_differ", **names, second=name, second_loss=losses[name])
    return False


def _check_loss(spec: ComparisonSpec, data: OwnData) -> None:
    """Raise unless the dense networks' loss goes with the targets."""
    if LOSSES[spec.training.loss].classification != data.classes:
        wanted = Message(f"own.wanted.{'classes' if data.classes else 'numbers'}", {})
        raise OwnProblem("loss_for_data", loss=spec.training.loss, wanted=wanted)


def _load_beside_engine(spec: ComparisonSpec) -> Dataset:
    """The data, decoded while JAX is imported: each takes half a second."""
    classification = LOSSES[spec.training.loss].classification
    with ThreadPoolExecutor(1) as pool:
        loading = pool.submit(datasets.load, spec.dataset, classification)
        load()
        return loading.result()
