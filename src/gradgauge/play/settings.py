"""The settings of the live page, and the text after `#` in its address that says all of them.

`v=1&net=64x10&act=sigmoid&b.act=relu&lr=1e-3,412:1e-4`: keys and values joined by `&`, a key of
the second network after `b.`; what the second network does not say it has from the first.
`read` and `write` are each other's inverse, so that the same address gives the same run.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any
from urllib.parse import unquote

from gradgauge.datasets import NAMES
from gradgauge.errors import InvalidValue, UnknownName
from gradgauge.messages.catalog import LANGUAGES
from gradgauge.parts.activations import ACTIVATIONS
from gradgauge.parts.spelling import known_name
from gradgauge.play.numerals import decimal, fraction, natural
from gradgauge.spec.comparison import seed_range
from gradgauge.spec.network import Layer, NetworkSpec
from gradgauge.spec.training import TrainingSpec

VERSION = "1"
SECOND = "b."
"""Stands before a key of the second network."""

MOST_DEPTH, MOST_WIDTH, MOST_SEEDS, MOST_EPOCHS, LESSONS = 100, 512, 10, 100, 5
MOST_LETTERS = 8_000
"""Of the whole text: a hundred layers of different widths and activations need 2,000."""

OWN = "own:"
"""Before the SHA-256 of somebody's own data file."""

_TRAINING = TrainingSpec()
NETWORK_DEFAULTS: Mapping[str, str] = {
    "net": "64x10",
    "act": "sigmoid",
    "init": "glorot_uniform",
    "scale": "1",
    "norm": "none",
    "skip": "0",
    "opt": _TRAINING.optimizer,
    "lr": decimal(_TRAINING.learning_rate),
    "momentum": decimal(_TRAINING.momentum),
    "clip": decimal(_TRAINING.clip_norm),
}
"""Keys that each network has for itself."""

SHARED_DEFAULTS: Mapping[str, str] = {
    "loss": _TRAINING.loss,
    "batch": str(_TRAINING.batch_size),
    "epochs": str(_TRAINING.epochs),
    "data": "mnist",
    "seed": "0",
    "seeds": "1",
}
"""Keys of the training that both networks share: the same seeds see the same batches."""

PAGE_KEYS = ("hide", "lesson", "lang")
"""Keys of the page, which change nothing that is trained."""

KEYS = ("v", *NETWORK_DEFAULTS, *SHARED_DEFAULTS, *PAGE_KEYS)
FIRST_SCENE = "net=64x10&act=sigmoid&b.act=relu"
"""What is trained where the address names no network."""

_HIDABLE = (*KEYS, "b", "why", "export", "own")
_GROUP = re.compile(r"([0-9]{1,5})(?:x([0-9]{1,5}))?\Z")
_ACTIVATION = re.compile(r"(\w+)(?:\*([0-9]{1,5}))?\Z")
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(frozen=True)
class Side:
    """One network and what is its own of the training.

    Attributes:
        hidden: its hidden layers.
        init, scale, norm, skip: as in NetworkSpec.
        optimizer, momentum, clip: as in TrainingSpec.
        rates: learning rates by the step from which on they hold, the first from step 0.
    """

    hidden: tuple[Layer, ...]
    init: str
    scale: float
    norm: str
    skip: int
    optimizer: str
    rates: tuple[tuple[int, float], ...]
    momentum: float
    clip: float

    def network(self, inputs: int, outputs: int) -> NetworkSpec:
        """The network for data of so many inputs and outputs."""
        return NetworkSpec(
            inputs, self.hidden, outputs, self.init, self.scale, norm=self.norm, skip=self.skip
        )


@dataclass(frozen=True)
class Settings:
    """All that an address says.

    Attributes:
        sides: one network or two.
        loss, batch, epochs, seeds: of the training.
        data: a dataset's name, or `own:` and a SHA-256.
        hide: controls that a teacher takes away.
        lesson: number of the lesson shown; 0: none.
        lang: of the page; empty: the reader's own.
    """

    sides: tuple[Side, ...]
    loss: str
    batch: int
    epochs: int
    data: str
    seeds: tuple[int, ...]
    hide: tuple[str, ...] = ()
    lesson: int = 0
    lang: str = ""

    def training(self, side: Side) -> TrainingSpec:
        """How a side is trained, at its first rate.

        Raises:
            InvalidValue, UnknownName: a field that cannot be.
        """
        return TrainingSpec(
            optimizer=side.optimizer,
            learning_rate=side.rates[0][1],
            batch_size=self.batch,
            epochs=self.epochs,
            seeds=self.seeds,
            loss=self.loss,
            momentum=side.momentum,
            clip_norm=side.clip,
        )

    @property
    def own_data(self) -> str | None:
        """The SHA-256 of the data file that is asked for; None: a dataset by name."""
        return self.data.removeprefix(OWN) if self.data.startswith(OWN) else None


@dataclass(frozen=True)
class Reading:
    """What was read of an address.

    Attributes:
        settings: what is known of it.
        unknown: errors about keys that mean nothing, which are left out.
    """

    settings: Settings
    unknown: tuple[UnknownName, ...] = field(default=())


def read(text: str) -> Reading:
    """The settings that the text after `#` says; what it leaves out is at its default.

    Raises:
        GradgaugeError: a value that cannot be, or a key that stands there twice.
    """
    given, unknown = _pairs(text.removeprefix("#"))
    if not any(_bare(key) in NETWORK_DEFAULTS for key in given):
        given |= _pairs(FIRST_SCENE)[0]
    if given.get("v", VERSION) != VERSION:
        raise InvalidValue("v", given["v"], "play_version")
    first = {key: given.get(key, default) for key, default in NETWORK_DEFAULTS.items()}
    own = {_bare(key): value for key, value in given.items() if key.startswith(SECOND)}
    sides = (first, {**first, **own}) if own else (first,)
    shared = {key: given.get(key, default) for key, default in SHARED_DEFAULTS.items()}
    settings = Settings(
        tuple(_side(texts) for texts in sides),
        loss=shared["loss"],
        batch=natural("batch", shared["batch"], 1),
        epochs=natural("epochs", shared["epochs"], 1, MOST_EPOCHS),
        data=_data(shared["data"]),
        seeds=seed_range(
            natural("seeds", shared["seeds"], 1, MOST_SEEDS), natural("seed", shared["seed"], 0)
        ),
        hide=_hidden(given.get("hide", "")),
        lesson=natural("lesson", given.get("lesson", "0"), 0, LESSONS),
        lang=_language(given.get("lang", "")),
    )
    return Reading(_checked(settings), unknown)


def write(settings: Settings) -> str:
    """The text after `#` that says these settings, in its one normal form."""
    first = _texts(settings.sides[0])
    always = ("net", "act")
    words = {"v": VERSION}
    words |= {
        key: value
        for key, value in first.items()
        if key in always or value != NETWORK_DEFAULTS[key]
    }
    words |= {
        key: value for key, value in _shared(settings).items() if value != SHARED_DEFAULTS[key]
    }
    for side in settings.sides[1:]:
        words |= {
            f"{SECOND}{key}": value
            for key, value in _texts(side).items()
            if key == "act" or value != first[key]
        }
    words |= {key: value for key, value in _page(settings).items() if value}
    return "&".join(f"{key}={value}" for key, value in words.items())


def values(settings: Settings) -> dict[str, str]:
    """Every setting by its key, those at their defaults, too."""
    named = {"v": VERSION, **_texts(settings.sides[0]), **_shared(settings)}
    for side in settings.sides[1:]:
        named |= {f"{SECOND}{key}": value for key, value in _texts(side).items()}
    return {**named, **_page(settings)}


def _bare(key: str) -> str:
    return key.removeprefix(SECOND)


def _pairs(text: str) -> tuple[dict[str, str], tuple[UnknownName, ...]]:
    """Known keys with their values, and what is wrong with the others."""
    if len(text) > MOST_LETTERS:
        raise InvalidValue("#", len(text), "play_letters", most=MOST_LETTERS)
    pairs: dict[str, str] = {}
    unknown: list[UnknownName] = []
    for word in filter(None, text.split("&")):
        key, _, value = unquote(word).partition("=")
        known = NETWORK_DEFAULTS if key.startswith(SECOND) else KEYS
        if _bare(key) not in known:
            unknown.append(UnknownName("setting", key, KEYS))
        elif key in pairs:
            raise InvalidValue(key, value, "play_once")
        else:
            pairs[key] = value.strip()
    return pairs, tuple(unknown)


def _side(texts: Mapping[str, str]) -> Side:
    widths = _widths(texts["net"])
    names = _activations(texts["act"], len(widths))
    return Side(
        tuple(Layer(width, name) for width, name in zip(widths, names, strict=True)),
        init=texts["init"],
        scale=fraction("scale", texts["scale"]),
        norm=texts["norm"],
        skip=natural("skip", texts["skip"], 0, MOST_DEPTH),
        optimizer=texts["opt"],
        rates=_rates(texts["lr"]),
        momentum=fraction("momentum", texts["momentum"]),
        clip=fraction("clip", texts["clip"]),
    )


def _widths(text: str) -> list[int]:
    """`64x9-32`: nine layers of 64 units, one of 32."""
    widths: list[int] = []
    for piece in text.split("-"):
        match = _GROUP.match(piece)
        if match is None:
            raise InvalidValue("net", text, "play_net")
        width, count = int(match[1]), int(match[2] or 1)
        if not 1 <= width <= MOST_WIDTH or not 1 <= count <= MOST_DEPTH - len(widths):
            raise InvalidValue("net", text, "play_size", depth=MOST_DEPTH, width=MOST_WIDTH)
        widths += [width] * count
    return widths


def _activations(text: str, depth: int) -> list[str]:
    """`sigmoid*9,relu`: one name a layer, or one for all."""
    names: list[str] = []
    for piece in text.split(","):
        match = _ACTIVATION.match(piece)
        if match is None:
            raise InvalidValue("act", text, "play_act")
        name = known_name(match[1], ACTIVATIONS)
        if name not in ACTIVATIONS:
            raise UnknownName("activation", match[1], ACTIVATIONS)
        names += [name] * min(int(match[2] or 1), MOST_DEPTH + 1)
    if len(names) == 1:
        return names * depth
    if len(names) != depth:
        raise InvalidValue("act", text, "play_each_layer", depth=depth, names=len(names))
    return names


def _rates(text: str) -> tuple[tuple[int, float], ...]:
    """`1e-3,412:1e-4`: from step 412 on another rate."""
    rates: list[tuple[int, float]] = []
    for place, piece in enumerate(text.split(",")):
        step, colon, rate = piece.rpartition(":")
        if bool(colon) != bool(place):
            raise InvalidValue("lr", text, "play_rates")
        at = natural("lr", step, rates[-1][0] + 1) if place else 0
        rates.append((at, fraction("lr", rate)))
        if rates[-1][1] <= 0:
            raise InvalidValue("lr", text, "positive")
    return tuple(rates)


def _data(text: str) -> str:
    if text.startswith(OWN):
        if not _DIGEST.match(text.removeprefix(OWN)):
            raise InvalidValue("data", text, "play_own")
        return text
    name = known_name(text, NAMES)
    if name not in NAMES:
        raise UnknownName("dataset", text, NAMES)
    return name


def _hidden(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(filter(None, text.split(","))))
    for name in names:
        if name not in _HIDABLE:
            raise UnknownName("setting", name, _HIDABLE)
    return names


def _language(text: str) -> str:
    if text and text not in LANGUAGES:
        raise UnknownName("lang", text, LANGUAGES)
    return text


def _checked(settings: Settings) -> Settings:
    """The settings with names as the parts spell them.

    Raises:
        GradgaugeError: what no network or training can be; the ends are the data's and
            unknown yet.
    """
    sides = []
    for side in settings.sides:
        network, training = side.network(1, 1), settings.training(side)
        sides.append(
            _replaced(side, init=network.init, norm=network.norm, optimizer=training.optimizer)
        )
    return _replaced(settings, sides=tuple(sides), loss=settings.training(sides[0]).loss)


def _replaced(value: Any, **fields: Any) -> Any:
    return type(value)(**{**vars(value), **fields})


def _texts(side: Side) -> dict[str, str]:
    first, *later = side.rates
    return {
        "net": _grouped([str(layer.width) for layer in side.hidden], "x", "-"),
        "act": _activation_text([layer.activation for layer in side.hidden]),
        "init": side.init,
        "scale": decimal(side.scale),
        "norm": side.norm,
        "skip": str(side.skip),
        "opt": side.optimizer,
        "lr": ",".join([decimal(first[1]), *(f"{at}:{decimal(rate)}" for at, rate in later)]),
        "momentum": decimal(side.momentum),
        "clip": decimal(side.clip),
    }


def _activation_text(names: list[str]) -> str:
    return names[0] if len(set(names)) == 1 else _grouped(names, "*", ",")


def _grouped(words: list[str], times: str, joined: str) -> str:
    counted = [(word, len(list(run))) for word, run in groupby(words)]
    return joined.join(f"{word}{times}{count}" if count > 1 else word for word, count in counted)


def _shared(settings: Settings) -> dict[str, str]:
    return {
        "loss": settings.loss,
        "batch": str(settings.batch),
        "epochs": str(settings.epochs),
        "data": settings.data,
        "seed": str(settings.seeds[0]),
        "seeds": str(len(settings.seeds)),
    }


def _page(settings: Settings) -> dict[str, str]:
    return {
        "hide": ",".join(settings.hide),
        "lesson": str(settings.lesson) if settings.lesson else "",
        "lang": settings.lang,
    }
