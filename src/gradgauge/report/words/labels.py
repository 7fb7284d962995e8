"""What people are shown as a network's name: the name as given, unless that would mislead."""

from __future__ import annotations

from dataclasses import replace

from gradgauge.messages.catalog import sentence
from gradgauge.parts.activations import ACTIVATIONS
from gradgauge.spec.network import NetworkSpec
from gradgauge.study.compare.result import Comparison


def labeled(comparison: Comparison, lang: str) -> Comparison:
    """The same comparison with its networks called by their labels: what a report shows.

    A preset calls a network `sigmoid` although its last hidden layer is another's; JSON and files
    keep that name, people are shown what it is. A function is called by its name alone.
    """
    labels = {name: _label_of(comparison, name, lang) for name in comparison.names}
    if len(set(labels.values())) < len(labels) or all(map(str.__eq__, labels, labels.values())):
        return comparison
    return replace(
        comparison,
        networks={labels[name]: net for name, net in comparison.networks.items()},
        runs={labels[name]: run for name, run in comparison.runs.items()},
    )


def _label_of(comparison: Comparison, name: str, lang: str) -> str:
    if name in comparison.networks:
        return _label(name, comparison.networks[name], lang)
    return name.rpartition(":")[2]


def _label(name: str, network: NetworkSpec, lang: str) -> str:
    *inner, last = network.activations
    if name not in ACTIVATIONS or set(network.activations) <= {name} or set(inner) != {name}:
        return name
    return sentence("report.label_last_layer", lang, name=name, last=last)
