"""Every error of the package: one sentence in each language, facts that stay, and a way across processes."""

from __future__ import annotations

import contextlib
import copy
import importlib
import multiprocessing
import pickle
import pkgutil
import sqlite3
import string
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import gradgauge
from gradgauge.engine.runtime import NoDevice
from gradgauge.errors import (
    DataProblem,
    FileProblem,
    GradgaugeError,
    InvalidNotation,
    InvalidValue,
    MissingExtra,
    Problem,
    TooLarge,
    UnknownName,
)
from gradgauge.messages.catalog import LANGUAGES, Message, entries
from gradgauge.parts.activations import activation
from gradgauge.remedies.plan import BudgetTooSmall
from gradgauge.report.images import NothingToDraw
from gradgauge.report.words.exercise import NoChain
from gradgauge.spec.comparison import DoesNotFit, NothingToCompare
from gradgauge.spec.notation import parse
from gradgauge.study.sweep.outcomes import OutcomeProblem
from gradgauge.study.sweep.plan_file import PlanProblem
from gradgauge.study.sweep.problems import StudyProblem
from gradgauge.study.sweep.run import TooFewSamples, TooMany
from gradgauge.watchers.errors import NotFinite

ABSTRACT = {GradgaugeError, Problem, FileProblem}

MADE = [
    UnknownName("activation", "rleu", ["relu", "selu"]),
    UnknownName("preset", "zzz", ["practical"]),
    InvalidValue("depth", 0, "whole_number", least=1),
    InvalidValue("depth", np.float32(0.5), "whole_number", least=np.int64(1)),
    InvalidValue("x", lambda: None, "number"),
    InvalidNotation("784--10 relu", 4, "bad_group"),
    MissingExtra("the live page", "play"),
    NothingToCompare(both=True),
    NothingToCompare(both=False),
    NothingToDraw(),
    DoesNotFit(parse("3-4-2 relu"), 784, 10),
    OutcomeProblem("delta_norm[", "unreadable"),
    NotFinite(3),
    NotFinite(3, "layer1", "addmm"),
    TooLarge("3-4-2 relu", 3e12, 8e9),
    TooMany(1_000_000),
    BudgetTooSmall("3", "10"),
    NoChain(),
    TooFewSamples(3, 2, 10),
    NoDevice("not_there", why="no TPU"),
    PlanProblem("a.toml", 3, "value", InvalidValue("depth", 0, "whole_number", least=1)),
    StudyProblem("runs", "plan_changed", {"epochs": (1, 2), "depth": (None, [3, 4])}),
    StudyProblem("runs", "disk_full", why=sqlite3.OperationalError("disk I/O error")),
]
"""Errors with a constructor of their own; those of a reason and facts are made from the catalogue."""


def modules() -> Iterator[str]:
    for module in pkgutil.walk_packages(gradgauge.__path__, "gradgauge."):
        yield module.name


def subclasses(kind: type) -> set[type[GradgaugeError]]:
    own = {kind} if kind.__module__.startswith("gradgauge.") else set()
    return own.union(*(subclasses(sub) for sub in kind.__subclasses__()))


def defined() -> set[type[GradgaugeError]]:
    """All classes of errors, of the modules that name one (the others need not be imported)."""
    root = Path(gradgauge.__path__[0])
    for name in modules():
        path = root.joinpath(*name.split(".")[1:])
        source = (
            path.with_suffix(".py") if path.with_suffix(".py").exists() else path / "__init__.py"
        )
        if "Problem)" in source.read_text("utf-8") or "Error)" in source.read_text("utf-8"):
            importlib.import_module(name)
    return subclasses(GradgaugeError)


def from_catalogue(kind: type[Problem]) -> Iterator[GradgaugeError]:
    """One error of each reason that the class's table of the catalogue has."""
    for key, text in entries("en").items():
        table, _, reason = key.rpartition(".")
        if table == f"errors.{kind.table}":
            facts: dict[str, object] = {
                name: 1 for _, name, _, _ in string.Formatter().parse(text) if name
            }
            if issubclass(kind, FileProblem):
                facts.pop("path", None)
                yield kind("a.npz", reason, **facts)
            else:
                yield kind(reason, **facts)


def every_error() -> list[GradgaugeError]:
    made = list(MADE)
    own = {type(error) for error in made}
    for kind in sorted(defined() - own - ABSTRACT, key=lambda kind: kind.__qualname__):
        made += from_catalogue(kind) if issubclass(kind, Problem) else []
    return made


ERRORS = every_error()


def named(error: GradgaugeError) -> str:
    return f"{type(error).__name__}-{error.message().key}"


def test_every_class_has_an_example() -> None:
    """One that is missing here has a constructor of its own: put an example into MADE."""
    assert {type(error) for error in ERRORS} == defined() - ABSTRACT


@pytest.mark.parametrize("error", ERRORS, ids=named)
def test_an_error_says_what_in_one_protocol(error: GradgaugeError) -> None:
    message = error.message()
    assert isinstance(message, Message)
    for lang in LANGUAGES:
        said = error.sentence(lang)
        assert "\n" not in said
        assert "{" not in said
        assert "Message(" not in said
    assert str(error) == error.sentence("en")


@pytest.mark.parametrize("error", ERRORS, ids=named)
def test_an_error_crosses_a_process_as_it_is(error: GradgaugeError) -> None:
    for again in (pickle.loads(pickle.dumps(error)), copy.deepcopy(error), copy.copy(error)):
        assert type(again) is type(error)
        assert again == error
        assert hash(again) == hash(error)
        assert again.message() == error.message()
        assert again.sentence("ko") == error.sentence("ko")


@pytest.mark.parametrize("error", ERRORS, ids=named)
def test_its_facts_stay(error: GradgaugeError) -> None:
    for name in vars(error):
        with pytest.raises(AttributeError, match="frozen"):
            setattr(error, name, None)


def test_errors_of_other_facts_are_others() -> None:
    assert DataProblem("a", "missing") != DataProblem("b", "missing")
    assert DataProblem("a", "missing") != FileProblem("a", "missing")
    assert DataProblem("a", "missing") == DataProblem(Path("a"), "missing")


def test_an_error_passes_through_a_context_manager() -> None:
    """contextlib sets `__traceback__` on what it lets through: frozen facts, not a frozen exception."""

    @contextlib.contextmanager
    def passing() -> Iterator[None]:
        yield

    with pytest.raises(TooMany) as caught, passing():
        raise TooMany(3)
    caught.value.add_note("seen")
    assert caught.value == TooMany(3)


def test_what_stands_in_an_error_cannot_hold_on_to_the_users_objects() -> None:
    array = np.zeros(10_000)
    error = InvalidValue("x", array, "number")
    assert isinstance(error.value, str)
    assert len(error.value) < 300


def test_an_error_leaves_a_pool_of_processes_in_words() -> None:
    spawn = multiprocessing.get_context("spawn")
    with (
        ProcessPoolExecutor(1, spawn) as pool,
        pytest.raises(UnknownName, match="Did you mean 'relu'"),
    ):
        pool.submit(activation, "rleu").result()


@pytest.mark.parametrize(
    ("written", "meant"),
    [("lr", "learning_rate"), ("LR", "learning_rate"), ("bs", "batch_size"), ("epoch", "epochs")],
)
def test_the_nearest_name_knows_spelling_and_initials(written: str, meant: str) -> None:
    known = ["learning_rate", "batch_size", "epochs", "loss", "seeds"]
    assert UnknownName("option", written, known).nearest == meant
