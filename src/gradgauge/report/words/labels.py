"""What people are shown as a network's name: the name as given, unless that would mislead."""

from __future__ import annotations

from dataclasses import replace

from gradgauge.messages.catalog import sentence
from gradgauge.parts.activations import ACTIVATIONS
from gradgauge.spec.network import NetworkSpec
from gradgauge.study.compare.result import Comparison


def labelled(comparison: Comparison, lang: str) -> Comparison:
    """The same comparison with its networks called by their labels: what a report shows.

    A preset calls a network `sigmoid` although its last hidden layer is another's; JSON and files
    keep that name, people are shown what it is.
    """
    labels = {name: _label(name, net, lang) for name, net in comparison.networks.items()}
    if all(label == name for name, label in labels.items()):
        return comparison
    return replace(
        comparison,
        networks={labels[name]: net for name, net in comparison.networks.items()},
        runs={labels[name]: run for name, run in comparison.runs.items()},
    )


def _label(name: str, network: NetworkSpec, lang: str) -> str:
    *inner, last = network.activations
    if name not in ACTIVATIONS or set(network.activations) <= {name} or set(inner) != {name}:
        return name
    return sentence("report.label_last_layer", lang, name=name, last=last)
