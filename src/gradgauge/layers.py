"""How a Run describes its layers, and what could not be measured."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from gradgauge.messages.catalog import LANGUAGES, sentence
from gradgauge.messages.clean import clean
from gradgauge.spec.network import NetworkSpec

_NAMED = 3
"""Layers that a note's sentence names."""

KINDS = (
    "dense",
    "convolution",
    "recurrent",
    "attention",
    "embedding",
    "normalization",
    "scale",
    "bias",
    "other",
)


@dataclass
class LayerInfo:
    """One row of the layer axis.

    Attributes:
        name: name in the framework.
        kind: one of KINDS.
        activation: a name of `parts.activations`, or one that only frameworks have
            (`watchers.activations`); `linear` if no activation follows; empty if it is unknown
            or no signal was measured.
        units: size of the unit axis; 0 if no signal was measured.
        fan_in: number of inputs per unit; 0 if undefined.
        parameters: number of weights, not counting biases.
        trainable: whether a gradient step changes it.
        output: whether its z or h is an output of the model, where gains are undefined.
        called: whether the forward pass calls it.
        derived: whether `slope_gain` is backward_gain / weight_gain, because f' is unknown.
        shares: name of an earlier layer with the same weights; empty: none.
        role: q, k, v, qkv, o, up, gate, down, norm, embedding, conv or head; empty if unknown.
        block: the repeated block that contains it; empty: none.
    """

    name: str
    kind: str = "other"
    activation: str = ""
    units: int = 0
    fan_in: int = 0
    parameters: int = 0
    trainable: bool = True
    output: bool = False
    called: bool = True
    derived: bool = False
    shares: str = ""
    role: str = ""
    block: str = ""

    def __post_init__(self) -> None:
        """Names come from a user's program or from a file: what is not to be shown goes."""
        self.name, self.shares = clean(self.name), clean(self.shares)
        self.activation = clean(self.activation)


@dataclass(frozen=True)
class Note:
    """Something that could not be measured, and the reason.

    Attributes:
        subject: what is missing, a key of the catalog's `watch.subject` table.
        reason: a key of the catalog's `watch.reason` table.
        layers: names of the layers concerned; empty: all of them.
        facts: values for the placeholders of the reason.
    """

    subject: str
    reason: str
    layers: tuple[str, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)

    def sentence(self, lang: str = "en") -> str:
        """The note in words; if there are many layers, only the first ones are named."""
        words = {
            "subject": sentence(f"watch.subject.{self.subject}", lang),
            "reason": sentence(f"watch.reason.{self.reason}", lang, **self.facts),
        }
        names = ", ".join(clean(name) for name in self.layers[:_NAMED])
        if not self.layers:
            return sentence("watch.not_applicable.all", lang, **words)
        if len(self.layers) == 1:
            return sentence("watch.not_applicable.layer", lang, layer=names, **words)
        names += ", …" if len(self.layers) > _NAMED else ""
        count = len(self.layers)
        return sentence("watch.not_applicable.layers", lang, count=count, layers=names, **words)

    def joined(self, other: Note) -> Note | None:
        """A single note for both if they differ only in their layers, otherwise None."""
        same = (self.subject, self.reason, self.facts) == (other.subject, other.reason, other.facts)
        if not same or bool(self.layers) != bool(other.layers):
            return None
        return replace(self, layers=tuple(dict.fromkeys((*self.layers, *other.layers))))


def as_attributes(layers: list[LayerInfo], notes: list[Note]) -> dict[str, str]:
    """Layers and notes as attributes of a Run: JSON, for NetCDF has no records."""
    return {
        "layer_name": json.dumps([layer.name for layer in layers], ensure_ascii=False),
        "layers": json.dumps([asdict(layer) for layer in layers], ensure_ascii=False),
        "notes": json.dumps([asdict(note) for note in notes], ensure_ascii=False),
    }


def layers_of(network: NetworkSpec) -> list[LayerInfo]:
    """The layers of a dense network, by their numbers."""
    activations = (*network.activations, "linear")
    last = len(activations)
    return [
        LayerInfo(
            name=str(number),
            kind="dense",
            activation=activation,
            units=units,
            fan_in=fan_in,
            parameters=fan_in * units,
            output=number == last,
            role="head" if number == last else "",
        )
        for number, (activation, (fan_in, units)) in enumerate(
            zip(activations, network.shapes, strict=True), start=1
        )
    ]


def read_layers(attributes: Mapping[str, Any]) -> list[LayerInfo]:
    """The layers that a Run's attributes hold; empty where it holds none."""
    known = {entry.name for entry in fields(LayerInfo)}
    rows = json.loads(attributes.get("layers", "[]"))
    return [LayerInfo(**{k: v for k, v in row.items() if k in known}) for row in rows]


def read_notes(attributes: Mapping[str, Any]) -> list[Note]:
    """The notes that a Run's attributes hold; of one layer each in the first files."""
    found = []
    for row in json.loads(attributes.get("notes", "[]")):
        layers = row.get("layers", [row["layer"]] if row.get("layer") else [])
        found.append(Note(row["subject"], row["reason"], tuple(layers), row.get("facts", {})))
    return found


def check_attributes(attributes: Mapping[str, Any]) -> None:
    """Raise unless layers and notes can be read and said.

    Raises:
        TypeError, ValueError, KeyError, ...: they cannot.
    """
    kinds = {field.name: type(field.default) for field in fields(LayerInfo)[1:]} | {"name": str}
    for layer in read_layers(attributes):
        for name, kind in kinds.items():
            if type(getattr(layer, name)) is not kind:
                raise TypeError(f"layers: {name}")
    for note in read_notes(attributes):
        for lang in LANGUAGES:
            note.sentence(lang)
