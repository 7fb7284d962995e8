"""Remedy: something that is changed in a training, and which findings it answers."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from string import Template

import numpy as np

from gradgauge.messages.catalog import sentence
from gradgauge.remedies.spec.case import SpecCase
from gradgauge.remedies.trainer import CannotApply

WEIGHTS, OPTIMIZER, DATA, MODULE, GRAPH, SHAPE = "W", "O", "D", "M", "G", "S"
REACHES = (WEIGHTS, OPTIMIZER, DATA, MODULE, GRAPH, SHAPE)
"""How far into a program a remedy reaches, the least first: initial weights; the optimizer and its
steps; data and loss; a module exchanged for another one; something put between modules; the
network's shape."""

FRAMEWORKS = ("keras", "pytorch", "jax")

RATE_LADDER = (1.0, 1 / 3, 3.0)
"""Factors of the learning rate that a remedy is tried at: the rate that was right for the fault
need not be right for the cure."""

OnSpec = Callable[[SpecCase, float], SpecCase]
"""(what is trained, the knob) -> the same with the remedy; raises CannotApply."""


@dataclass(frozen=True)
class Knob:
    """How much of a remedy.

    Attributes:
        usual: the value that its paper gives.
        low, high: what random search draws from, on a logarithmic scale.
        tried: values that the trial tries; the usual one alone: it tries learning rates instead.
    """

    usual: float = 1.0
    low: float = 1.0
    high: float = 1.0
    tried: tuple[float, ...] = ()

    def draw(self, rng: np.random.Generator) -> float:
        """A value from its range."""
        return float(np.exp(rng.uniform(math.log(self.low), math.log(self.high))))


NO_KNOB = Knob()


def cannot_yet(case: SpecCase, knob: float) -> SpecCase:
    """That a remedy is done by hand: a notation has no such thing."""
    del case, knob
    raise CannotApply("by_hand")


def cannot(reason: str) -> OnSpec:
    """Of a remedy that no notation has room for.

    Args:
        reason: why, a key of the catalogue's `remedy.reason`.
    """

    def on_spec(case: SpecCase, knob: float) -> SpecCase:
        del case, knob
        raise CannotApply(reason)

    return on_spec


_COMMENT = re.compile(r"# @(\w+)")


@dataclass(frozen=True)
class Remedy:
    """One entry, two uses: the advice that a diagnosis prints, and what a trial tries.

    Attributes:
        key: of the advice in the catalogue's `diagnosis.remedy`, and of the arm's name for people.
        reach: one of REACHES.
        rules: names of the rules that it answers.
        paper: where it comes from.
        touches: what it changes; two that touch the same are not combined.
        knob: how much of it.
        on_spec: applies it to a network of a notation.
        patch: framework -> the lines to write into a program, with `$name` for each of `facts`, and
            `# @key` for a comment, of the catalogue's `remedy.comment`.
        unwritten: framework that no lines can be written for -> why, a key of the catalogue's
            `remedy.reason`.
        facts: (knob, activation of the hidden layers) -> what fills advice and patch.
        rate: whether it only sets the learning rate, which the trial's arm of rates does.
        idle: why it cannot be applied where its lines meet nothing to change, a key of the
            catalogue's `remedy.reason`.
        certain: whether it undoes a mistake, which nobody makes on purpose: it is tried first.
    """

    key: str
    _: KW_ONLY
    reach: str
    rules: tuple[str, ...]
    paper: str = ""
    touches: frozenset[str] = frozenset()
    knob: Knob = NO_KNOB
    on_spec: OnSpec = cannot_yet
    patch: Mapping[str, str] = field(default_factory=dict)
    unwritten: Mapping[str, str] = field(default_factory=dict)
    facts: Callable[[float, str], Mapping[str, object]] = lambda knob, activation: {}  # noqa: ARG005
    idle: str = "no_effect"
    rate: bool = False
    certain: bool = False

    @property
    def name(self) -> str:
        """As arms and JSON have it: the English name, the same in every language."""
        return self.named("en")

    @property
    def asks_where(self) -> bool:
        """Whether its lines are about the layers that a finding names."""
        return any("$layers" in text for text in self.patch.values())

    @property
    def tried(self) -> bool:
        """Whether a trial can try it at all; else it is named only."""
        return self.on_spec is not cannot_yet or bool(self.patch)

    def named(self, lang: str) -> str:
        """Its name for people."""
        return sentence(f"remedy.name.{self.key}", lang)

    def ladder(self) -> tuple[tuple[float, float], ...]:
        """(knob, factor of the learning rate) of every candidate that a trial makes of it."""
        if self.knob.tried:
            return tuple((value, 1.0) for value in self.knob.tried)
        return tuple((self.knob.usual, factor) for factor in RATE_LADDER)

    def goes_with(self, other: Remedy) -> bool:
        """Whether both together make sense."""
        return not self.touches & other.touches

    def lines(
        self,
        framework: str,
        knob: float,
        activation: str,
        layers: Sequence[str] = (),
        lang: str = "en",
    ) -> str:
        """The lines to write into a program; empty: it is done by hand.

        Args:
            framework: one of FRAMEWORKS.
            knob: how much of it.
            activation: of the hidden layers.
            layers: where it is needed, if it asks for that; empty: everywhere.
            lang: of the comments.
        """
        shown = {"knob": f"{knob:.4g}", "layers": repr(tuple(layers))}
        shown |= _shown(self.facts(knob, activation))

        def said(comment: re.Match[str]) -> str:
            return "# " + sentence(f"remedy.comment.{comment[1]}", lang, **shown)

        lines = Template(self.patch.get(framework, "")).substitute(shown).strip("\n")
        return _COMMENT.sub(said, lines)


def _shown(facts: Mapping[str, object]) -> dict[str, str]:
    return {k: f"{v:.4g}" if isinstance(v, float) else str(v) for k, v in facts.items()}


def advice_in(remedy: Remedy, lang: str, knob: float, activation: str) -> str:
    """The advice of `diagnose` for this remedy, its figures filled in."""
    facts = {"std": "1/sqrt(fan_in)", "gain": "1", "better": f"{knob:.3g}"}
    facts |= _shown(remedy.facts(knob, activation))
    return sentence(f"diagnosis.remedy.{remedy.key}", lang, **facts)
