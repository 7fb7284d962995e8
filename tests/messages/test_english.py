"""English as scikit-learn's and JAX's documentation write it: what may not stand, and what instead.

Names in backticks, code blocks, links' targets and placeholders are left alone, and so are the names
of arms and remedies, which are keys of the JSON documents.
"""

from __future__ import annotations

import importlib
import inspect
import json
import re
from pathlib import Path

import pytest

import gradgauge
from gradgauge import theory
from gradgauge.diagnosis.limits import shipped
from gradgauge.gauges import QUANTITIES
from gradgauge.messages.catalog import entries
from gradgauge.variables import attributes_of

ROOT = Path(__file__).parents[2]
DOCUMENTS = [
    *(p for p in sorted(ROOT.glob("*.md")) if ".ko" not in p.name),
    ROOT / "benchmarks" / "README.md",
    ROOT / "examples" / "README.md",
    *(
        p
        for p in sorted((ROOT / "docs").glob("*.md"))
        if p.stem != "glossary" and ".ko" not in p.name
    ),
]
NAMES = ("remedy.name.", "remedy.arm.", "why.arm.")
MOST_WORDS = 35

INSTEAD = {
    # British spelling
    r"\w*(?:normal|optim|initial|standard|summar|recogn|regular|general|minim|maxim|serial"
    r"|vector|discret|real|diagonal|visual|random|penal|central|util|categor|organ)"
    r"is(?:e|ed|es|er|ers|ing|ation|ations)": "-ize, -ization",
    r"\w*analys(?:e|ed|ing)": "analyze",
    r"colour\w*": "color",
    r"grey\w*": "gray",
    r"behaviour\w*": "behavior",
    r"favour\w*": "favor",
    r"neighbour\w*": "neighbor",
    r"centr(?:e|es|ed|ing)": "center",
    r"licence\w*": "license",
    r"catalogue\w*": "catalog",
    r"(?:un)?learnt": "learned",
    r"half-way": "halfway",
    r"towards": "toward",
    r"(?:label|model|travel)l(?:ed|ing)": "labeled, modeled, traveled",
    r"cancelled": "canceled",
    r"whilst|amongst": "while, among",
    # turns of another language
    r"behind": "after (in order), or the literal place",
    r"com(?:e|es|ing) by": "calls, reaches",
    r"what there is to learn": "what the data can teach: 'the model does not learn'",
    r"read (?:it|them|these) with care": "interpret with caution",
    r"(?:one )?of its kin": "a similar one",
    r"so it is with": "this happens for",
    r"at a stride": "evenly spaced",
    r"has come so far": "its progress",
    r"good for nothing": "useless",
    r"brings? it back": "restores it",
    r"let(?:s)? go of the model": "detaches from the model",
    r"of (?:ours|yours)": "our own, your own",
    r"stands? there (?:once|twice)": "occurs once",
    r"(?:is|are) nobody's": "belongs to no one",
    r"all the same(?= *[.;])": "nevertheless",
    r"skips round": "skip connections around",
    r"[Tt]ake (?:ReLU|SELU|tanh|Adam|Leaky|He|Glorot|an LSTM)\b": "use",
    r"decidedly": "significantly",
    r"(?:one|a) \w+ a (?:seed|core|cell|layer|network|row|point|step|member|epoch|node|rung)": "per",
    r"trainings": "training runs",
    r"mend(?:ed|s|ing)?": "fix, repair",
    r"likeliest|dearer|quickest": "most likely, more expensive, fastest",
    r"anew": "again, from scratch",
    r"of one's own|somebody's own": "your own, custom",
    r"gone through again": "iterated over again",
    r"how it goes about it": "how it works",
    r"stands? (?:in|where|first|last|beside|behind|among|there)": "is, is listed",
    r"told (?:from|apart from)": "distinguished from, recognized by",
    r"at least of like|of like (?:size|rank)": "similar, equal",
    r"so (?:many|much) times as": "how many times as",
    r"an? (?:step|seed|member|point) an? \w+": "per",
    # jargon of the corpora
    r"tuning half": "samples used for tuning",
    r"(?:the )?fresh cases": "held-out models",
    r"frozen (?:set|list|half) of cases": "held-out models",
}
"""A pattern, and what to write in its place."""

BANNED = {re.compile(rf"\b(?:{p})\b", re.IGNORECASE): why for p, why in INSTEAD.items()}
BANNED[re.compile(r"(?<=[\dX}]) %(?!\w)")] = "a percent sign without a space"


def plain(text: str) -> str:
    """The prose of a text: without code, links' targets and placeholders."""
    text = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"`[^`\n]*`", "CODE", text)
    text = re.sub(r"\]\([^)]*\)", "]", text)
    text = re.sub(r"https?://\S+", "LINK", text)
    text = re.sub(r"\{[^{}]*\}", "X", text)
    return re.sub(r"--[\w-]+", "OPTION", text)


def offences(text: str) -> list[str]:
    prose = plain(text)
    return [
        f"{found.group()!r} in {prose[max(found.start() - 40, 0) : found.end() + 20]!r}: write {why}"
        for pattern, why in BANNED.items()
        for found in pattern.finditer(prose)
    ]


def sentences(text: str) -> list[str]:
    return re.split(r"(?<=[.!?])\s+|\n+", plain(text))


def test_the_catalogue_is_plain_american_english() -> None:
    found = {k: offences(t) for k, t in entries("en").items() if not k.startswith(NAMES)}
    assert {k: o for k, o in found.items() if o} == {}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_documents_are_plain_american_english(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for name in (t for k, t in entries("en").items() if k.startswith(NAMES)):
        text = re.sub(rf"\b{re.escape(name)}\b", "NAME", text)
    assert offences(text) == []


def test_sources_of_limits_are_plain_american_english() -> None:
    sources = {
        f"{r}.{n}": limit.source for r, rows in shipped().items() for n, limit in rows.items()
    }
    found = {key: offences(text) for key, text in sources.items()}
    assert {key: o for key, o in found.items() if o} == {}


def test_long_names_of_a_runs_variables_are_plain_american_english() -> None:
    names = [*QUANTITIES, "member", "layer", "step", "epoch", "parameter_group", "test_accuracy"]
    found = {name: offences(attributes_of(name)["long_name"]) for name in names}
    assert {name: o for name, o in found.items() if o} == {}


def test_descriptions_in_schemas_are_plain_american_english() -> None:
    schemas = sorted(Path(gradgauge.__file__).parent.rglob("*.schema.json"))
    texts = [
        d for s in schemas for d in re.findall(r'"description": "(.*?)"', s.read_text("utf-8"))
    ]
    assert texts
    assert [o for text in texts for o in offences(text)] == []


def test_the_notebook_is_plain_american_english() -> None:
    notebook = json.loads((ROOT / "examples" / "practical_en.ipynb").read_text("utf-8"))
    cells = ["".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == "markdown"]
    assert [o for text in cells for o in offences(text)] == []


PUBLIC = [name for name in gradgauge.__all__ if name != "__version__"]


RETURNED = [
    "watchers.torch.watcher:PyTorchWatcher",
    "watchers.torch.lightning:LightningWatcher",
    "watchers.torch.huggingface:HuggingFaceWatcher",
    "watchers.keras.watcher:KerasWatcher",
    "watchers.jax.watcher:JaxWatcher",
    "watchers.errors:NotFinite",
    "layers:LayerInfo",
    "layers:Note",
    "parameter_groups:ParameterGroup",
    "remedies.result:Arm",
    "remedies.result:Over",
    "remedies.result:Spending",
    "study.why.verdict:TrainedArm",
    "statistics:Summary",
    "statistics:Difference",
    "study.by_layer:Attenuation",
    "errors:UnknownName",
    "errors:InvalidValue",
    "listening:Listener",
]
"""Classes of what public functions give back, take or raise: `help` prints these, too."""


def helped(public: object) -> list[str]:
    """What `help` prints of a name: its docstring, and of a class those of its members."""
    texts = [inspect.getdoc(public) or ""]
    if inspect.isclass(public):
        members = [m for n, m in vars(public).items() if not n.startswith("_")]
        texts += [
            inspect.getdoc(m) or "" for m in members if callable(m) or isinstance(m, property)
        ]
    return texts


@pytest.mark.parametrize("name", PUBLIC)
def test_what_help_prints_of_a_public_name_is_plain_american_english(name: str) -> None:
    assert [o for text in helped(getattr(gradgauge, name)) for o in offences(text)] == []


@pytest.mark.parametrize("name", RETURNED)
def test_what_help_prints_of_what_is_returned_is_plain_american_english(name: str) -> None:
    module, _, of = name.partition(":")
    public = getattr(importlib.import_module(f"gradgauge.{module}"), of)
    assert [o for text in helped(public) for o in offences(text)] == []


@pytest.mark.parametrize("name", theory.__all__)
def test_what_help_prints_of_theory_is_plain_american_english(name: str) -> None:
    assert [o for text in helped(getattr(theory, name)) for o in offences(text)] == []


def test_no_sentence_of_the_catalogue_is_too_long() -> None:
    long = {
        key: len(sentence.split())
        for key, text in entries("en").items()
        for sentence in sentences(text)
        if len(sentence.split()) > MOST_WORDS
    }
    assert long == {}


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("Normalisation in grey behind the layer.", 3),
        ("What was learnt towards the end.", 2),
        ("Take ReLU in the hidden layers.", 1),
        ("Three trainings reach 95 % of {value} %.", 3),
        ("Use `--colour` or `normalisation`; exercise, otherwise, noise and precise are fine.", 0),
        ("The analysis of initial values takes the mean.", 0),
        ("```\nbehind colour\n```\nA [link](behind.md) in color.", 0),
    ],
)
def test_the_lint_finds_what_it_should(text: str, count: int) -> None:
    assert len(offences(text)) == count
