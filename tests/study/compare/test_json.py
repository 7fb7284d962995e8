"""`to_json` against its schema, on real trainings of every shape; and the schema against mistakes."""

from __future__ import annotations

import copy
import dataclasses
import json
from pathlib import Path

import jsonschema
import numpy as np
import pytest

import gradgauge.study as study
from gradgauge.gauges import PROBE_QUANTITIES
from gradgauge.spec.training import TrainingSpec
from gradgauge.study.compare.run import compare

SCHEMA = json.loads((Path(study.__file__).parent / "compare.schema.json").read_text("utf-8"))
CONTRACT_GAUGES = {
    "delta_norm",
    "backward_gain",
    "weight_gain",
    "slope_gain",
    "signal_spread",
    "saturated",
    "inactive",
    "dead",
    "weight_grad_norm",
}
SMALL = {"depth": 2, "width": 4, "epochs": 2, "batch_size": 20}
REGRESSION = {"loss": "mse"}
EXPLODES = {"optimizer": "sgd", "learning_rate": 1e20}

CASES = {
    "one network": (("relu",), {}),
    "one network, three seeds": (("relu",), {"seeds": 3}),
    "two networks": (("relu", "sigmoid"), {}),
    "two networks, three seeds from 7 on": (("relu", "sigmoid"), {"seeds": 3, "seed": 7}),
    "three networks": (("relu", "sigmoid", "tanh"), {}),
    "three networks, three seeds": (("relu", "sigmoid", "tanh"), {"seeds": 3}),
    "one name three times": (("relu", "relu", "relu"), {}),
    "non-finite": (("relu", "sigmoid"), EXPLODES),
    "non-finite, three seeds": (("relu", "sigmoid"), {"seeds": 3, **EXPLODES}),
    "regression": (("relu", "sigmoid"), REGRESSION),
}


VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def validate(document: object) -> None:
    VALIDATOR.validate(document)


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> dict[str, str]:
    """Two small data files: three classes, and one target number."""
    folder, random = tmp_path_factory.mktemp("data"), np.random.default_rng(0)
    x = random.random((80, 8), np.float32)
    targets = {"classes": np.arange(80) % 3, "numbers": x.sum(axis=1)}
    paths = {}
    for kind, y in targets.items():
        path = paths[kind] = str(folder / f"{kind}.npz")
        np.savez(path, x_train=x[:60], y_train=y[:60], x_test=x[60:], y_test=y[60:])
    return paths


@pytest.fixture(scope="module")
def documents(data) -> dict[str, dict]:
    """Every case's JSON, as a reader gets it."""
    made = {}
    for case, (networks, options) in CASES.items():
        dataset = data["numbers" if options.get("loss") == "mse" else "classes"]
        result = compare(*networks, dataset=dataset, **SMALL, **options)
        made[case] = json.loads(json.dumps(result.to_json(), allow_nan=False))
    return made


def test_the_schema_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("case", CASES)
def test_real_output_fits_the_schema(documents, case):
    validate(documents[case])


@pytest.mark.parametrize("case", CASES)
def test_lists_are_as_long_as_seeds_epochs_and_layers(documents, case):
    document = documents[case]
    seeds, epochs = len(document["training"]["seeds"]), document["training"]["epochs"]
    for network in document["networks"]:
        for figure in ("test_accuracy", "test_loss"):
            assert network[figure] is None or len(network[figure]["values"]) == seeds
        for figure, means in network["history"].items():
            assert len(means) == epochs
            by_seed = network["history_by_seed"][figure]
            assert [len(series) for series in by_seed] == [epochs] * seeds
        assert [row["layer"] for row in network["layers"]] == [1, 2, 3]
        assert [row["kind"] for row in network["layers"]] == ["hidden", "hidden", "output"]


@pytest.mark.parametrize("case", CASES)
def test_every_row_has_every_gauge(documents, case):
    for network in documents[case]["networks"]:
        for row in network["layers"]:
            assert set(row["first"]) == set(row["last"]) == set(PROBE_QUANTITIES)


def test_the_contracts_gauges_are_required_and_taken():
    assert set(SCHEMA["$defs"]["gauges"]["required"]) == CONTRACT_GAUGES
    assert set(PROBE_QUANTITIES) >= CONTRACT_GAUGES


def test_the_schema_knows_every_field_of_a_training(documents):
    fields = {field.name for field in dataclasses.fields(TrainingSpec)}
    assert set(SCHEMA["$defs"]["training"]["properties"]) == fields
    assert set(documents["one network"]["training"]) == fields


def test_a_second_network_of_one_name_ends_in_2(documents):
    document = documents["one name three times"]
    assert [n["name"] for n in document["networks"]] == ["relu", "relu-2", "relu-3"]


@pytest.mark.parametrize("case", ["three networks, three seeds", "two networks"])
def test_the_best_is_named_first(documents, case):
    document = documents[case]
    means = {n["name"]: n["test_accuracy"]["mean"] for n in document["networks"]}
    best, second = document["difference"]["names"]
    assert means[best] == max(means.values())
    assert document["better"] == (None if means[best] == means[second] else best)
    assert document["difference"]["mean"] == pytest.approx(means[best] - means[second])


def test_a_training_that_turns_non_finite_names_seeds_step_and_layer(documents):
    found = documents["non-finite, three seeds"]["networks"][0]["non_finite"]
    assert set(found) == {"seeds", "step", "layer"}
    assert set(found["seeds"]) <= {0, 1, 2}
    assert documents["two networks"]["networks"][0]["non_finite"] is None


def test_decades_are_slopes_and_weights(documents):
    for network in documents["three networks, three seeds"]["networks"]:
        for moment in ("first", "last"):
            lost = network["attenuation"][moment]
            parts = lost["slope_decades"] + lost["weight_decades"]
            assert lost["decades"] == pytest.approx(parts, abs=1e-4)


def test_the_command_repeats_the_comparison(documents):
    document = documents["two networks, three seeds from 7 on"]
    assert document["training"]["seeds"] == [7, 8, 9]
    assert document["command"].endswith("--batch-size 20 --epochs 2 --seeds 3 --seed 7")


MISTAKES = {
    "a key is missing": lambda d: d.pop("seconds"),
    "a key too many": lambda d: d.update(extra=1),
    "another version": lambda d: d.update(schema=2),
    "no network": lambda d: d.update(networks=[]),
    "nobody is better": lambda d: d.update(better=None),
    "no difference": lambda d: d.update(difference=None),
    "an interval of one seed": lambda d: d["difference"].update(interval=[0.0, 1.0]),
    "decided by one seed": lambda d: d["difference"].update(decided=True),
    "accuracy without a value": lambda d: d["networks"][0]["test_accuracy"].update(values=[]),
    "no accuracy": lambda d: d["networks"][0].update(test_accuracy=None),
    "no history of accuracy": lambda d: d["networks"][0]["history"].pop("accuracy"),
    "a network's key too many": lambda d: d["networks"][0].update(extra=1),
    "a gauge is missing": lambda d: d["networks"][0]["layers"][0]["last"].pop("slope_gain"),
    "a gauge is text": lambda d: d["networks"][0]["layers"][0]["last"].update(slope_gain="NaN"),
    "a negative norm": lambda d: d["networks"][0]["layers"][0]["first"].update(delta_norm=-1.0),
    "a share above 1": lambda d: d["networks"][0]["layers"][0]["first"].update(dead=1.5),
    "an output layer with a slope": lambda d: d["networks"][0]["layers"][-1]["first"].update(
        slope_gain=1.0
    ),
    "two output layers": lambda d: d["networks"][0]["layers"][0].update(kind="output"),
    "shares of the attenuation": lambda d: d["networks"][0]["attenuation"]["first"].update(
        slope_share=0.5
    ),
    "no seconds of the report": lambda d: d["seconds"].pop("report"),
    "half a sample": lambda d: d["dataset"].update(train=0.5),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_the_schema_refuses(documents, mistake):
    document = copy.deepcopy(documents["two networks"])
    MISTAKES[mistake](document)
    with pytest.raises(jsonschema.ValidationError):
        validate(document)


def test_the_schema_refuses_a_missing_interval_of_three_seeds(documents):
    document = copy.deepcopy(documents["two networks, three seeds from 7 on"])
    document["networks"][0]["test_accuracy"]["interval"] = None
    with pytest.raises(jsonschema.ValidationError):
        validate(document)


def test_the_schema_refuses_an_accuracy_of_regression(documents):
    document = copy.deepcopy(documents["regression"])
    document["networks"][0]["history"]["accuracy"] = [0.5, 0.5]
    with pytest.raises(jsonschema.ValidationError):
        validate(document)


def named_keys(schema: dict) -> set[str]:
    """All keys that the schema names, gauges apart: docs/gauges.md has those."""
    objects = [schema, *(d for name, d in schema["$defs"].items() if "gauges" not in name)]
    return {key for described in objects for key in described.get("properties", {})}


def test_every_key_stands_in_the_documentation():
    text = (Path(__file__).parents[3] / "docs" / "json.md").read_text("utf-8")
    assert sorted(key for key in named_keys(SCHEMA) if f"`{key}`" not in text) == []
